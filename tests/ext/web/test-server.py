#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The outlet [web] with a host that says what it is told to: who may ask, what is answered, and what hostile texts and slow readers can do."""

import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse

from common import FakeHost, Stream, make_log, run_all, test, until, work

TOKEN = "0123456789abcdef-token"
HOSTILE = '</script><img src=x onerror="alert(1)"> "\\ \u2028 & data: x'
MARKUP = '<b onclick="x">\\'    # few tokens, for the log


def refused(wrong, words, **values):
    host = FakeHost(expect=False, **values)
    line = host.wait_line("refused")
    host.process.stdin.close()
    host.process.wait(60)
    assert line.startswith(f"refused {wrong}: ") and words in line, line


@test("values that can't be read name their key")
def bad_values():
    refused("listen", "no address and port", listen="8080")
    refused("listen", "no address of this machine", listen="nvr.example.org:80")
    refused("listen", "no address and port", listen="127.0.0.1:70000")
    refused("listen", "it needs a 'token'", listen="0.0.0.0:0")
    refused("listen", "it needs a 'token'", listen="[::]:0")
    refused("token", "16 to 256 characters, not 5", token="short")
    refused("token", "no blanks", token="0123456789 abcdefg")
    refused("token-file", "not a whole path", token_file="token")
    refused("token-file", "No such file", token_file=work + "/none")
    refused("token-file", "one of them is enough", token_file=work + "/none", token=TOKEN)
    refused("certificate", "go together", certificate="/c.pem")
    refused("key", "not a whole path", certificate="/c.pem", key="k.pem")
    refused("certificate", "No such file", certificate=work + "/none.pem", key=work + "/none.key")
    refused("hosts", "no name of a machine", hosts="nvr.example.org, https://x")
    refused("clients", "from 4 to 4096", clients="3")
    refused("picture-side", "from 64 to 4096", picture_side="big")
    refused("picture-rate", "from 1 to 60", picture_rate="0")
    refused("timeout", "from 1 to 3600", timeout="-1")


@test("a port that is taken is told with its address")
def taken():
    with FakeHost() as host:
        refused("-", f"127.0.0.1:{host.port}: ", listen=f"127.0.0.1:{host.port}")


@test("other machines may ask when there is a token, from a file too")
def token_file():
    path = work + "/token"
    with open(path, "w") as file:
        file.write(TOKEN + "\n")
    os.chmod(path, 0o644)
    with FakeHost(listen="0.0.0.0:0", token_file=path) as host:
        assert any("chmod 600" in line for line in host.said), host.said
        assert any("go over the network as they are" in line for line in host.said), host.said
        host.token = None
        host.get("/api/v1", 401)
        host.token = TOKEN
        host.get("/api/v1")


def login(host, token, **headers):
    headers.setdefault("Origin", f"http://127.0.0.1:{host.port}")
    return host.ask("/login", "POST", urllib.parse.urlencode({"token": token}), Authorization="none", Content_Type="application/x-www-form-urlencoded",
                    **headers)


@test("without the token there are only the login form and what probes ask")
def tokens():
    with FakeHost(token=TOKEN) as host:
        for path in ("/api/v1", "/api/v1/cameras", "/api/v1/events", "/api/v1/events/1/thumbnail", "/api/v1/alerts", "/api/v1/stream", "/api/v1/pictures",
                     "/cameras/hall.jpg", "/cameras/hall.mjpeg", "/metrics"):
            for wrong in ("none", "Bearer x", "Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x", "Basic " + TOKEN):
                answer = host.get(path, 401, Authorization=wrong)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer") and answer.json["error"]["status"] == 401
        assert host.get("/", 303, Authorization="none").headers["Location"] == "login"
        assert b'type="password"' in host.get("/login", Authorization="none").body
        for path in ("/live", "/assets/style.css", "/assets/icon.svg"):
            host.get(path, Authorization="none")
        host.get("/ready", 503, Authorization="none")


@test("the form gives a cookie for this site alone, which can't be made up")
def cookies():
    with FakeHost(token=TOKEN) as host:
        begun = time.monotonic()
        assert login(host, "wrong").headers["Location"] == "login?wrong=1" and time.monotonic() - begun >= 0.9
        answer = login(host, TOKEN)
        cookie = answer.headers["Set-Cookie"]
        assert answer.status == 303 and "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie, cookie
        value = cookie.split(";")[0]
        host.get("/api/v1", Authorization="none", Cookie="other=1; " + value)
        name, until_when, signature = re.fullmatch(r"(.*)=(\d+)\.(.*)", value).groups()
        for forged in (f"{name}={int(until_when) + 1}.{signature}", f"{name}={until_when}.{signature[:-1]}0x", f"{name}=", f"{name}=1.{signature}", name):
            host.get("/api/v1", 401, Authorization="none", Cookie=forged)
        out = host.ask("/logout", "POST", "", Origin=f"http://127.0.0.1:{host.port}")
        assert out.status == 303 and "Max-Age=0" in out.headers["Set-Cookie"]


@test("pages of elsewhere can neither ask nor change anything")
def origins():
    with FakeHost(token=TOKEN, hosts="nvr.example.org") as host:
        assert login(host, TOKEN, Origin="http://evil.example").status == 403
        assert login(host, TOKEN, Origin="null").status == 403
        assert login(host, TOKEN, Origin=None).status == 403
        assert login(host, TOKEN, Sec_Fetch_Site="cross-site").status == 403
        assert login(host, TOKEN, Origin="https://nvr.example.org").status == 303
        host.get("/cameras/hall.jpg", 403, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")
        host.get("/api/v1", 403, Origin="http://evil.example")
        host.get("/", 200, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
        answer = host.get("/api/v1", 200, Sec_Fetch_Site="same-origin")
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@test("it is asked by its addresses and by names it was given, against DNS that is turned on it")
def names():
    with FakeHost(hosts="nvr.example.org other") as host:
        for name in ("127.0.0.1", "localhost", "[::1]", "NVR.example.org", "other", "192.168.1.5"):
            host.get("/live", Host=f"{name}:{host.port}")
            host.get("/live", Host=name)
        for name in ("evil.example", "nvr.example.org.evil.example", "localhost.evil.example", "127.0.0.1.evil.example"):
            host.get("/live", 421, Host=f"{name}:{host.port}")
        plain = socket.create_connection(("127.0.0.1", host.port))
        plain.sendall(b"GET /live HTTP/1.0\r\n\r\n")
        assert b" 400 " in plain.recv(4096).split(b"\r\n")[0]
        plain.close()


@test("every answer says what a browser may do with it")
def headers():
    with FakeHost() as host:
        for path, status in (("/", 200), ("/login", 200), ("/assets/main.js", 200), ("/api/v1", 200), ("/nothing", 404), ("/assets/../x", 404),
                             ("/metrics", 200)):
            got = host.get(path, status).headers
            assert got["Content-Security-Policy"].startswith("default-src 'self'") and "unsafe" not in got["Content-Security-Policy"]
            assert got["X-Content-Type-Options"] == "nosniff" and got["X-Frame-Options"] == "DENY"
            assert got["Cross-Origin-Resource-Policy"] == "same-origin" and "Access-Control-Allow-Origin" not in got
        for path in ("/", "/login", "/login?wrong=1"):
            page = host.get(path).body.decode()
            assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+\s*=|\bstyle=|<style|https?://", page), path


@test("what is too large, of another method or unknown is refused")
def limits():
    with FakeHost() as host:
        origin = f"http://127.0.0.1:{host.port}"
        assert host.ask("/login", "POST", "x" * 5000, Origin=origin).status == 413
        assert host.ask("/login", "POST", iter([b"x" * 10]), Origin=origin).status == 413
        host.get("/api/v1/events?query=" + "x" * 5000, 414)
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            assert host.ask("/api/v1", method).status == 405, method
        assert host.ask("/api/v1", "POST", "", Origin=origin).headers["Allow"] == "GET, HEAD"
        assert host.ask("/login", "HEAD").body == b""
        for path in ("/api/v2", "/api/v1/", "/api/v1/events/", "/api/v1/events/x", "/api/v1/events/1/x", "/assets/", "/assets/none.js", "/cameras/none.jpg",
                     "/cameras/hall", "/cameras/hall.gif", "/cameras/", "/api/v1/pictures?cameras=none"):
            assert host.get(path, 404).json["error"]["message"], path
        for path in ("/api/v1/cameras?x=1", "/api/v1/events?limit=0", "/api/v1/events?limit=501", "/api/v1/events?limit=x", "/api/v1/events?from=yesterday",
                     "/api/v1/events?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/api/v1/events?camra=hall", "/api/v1/pictures?cameras=",
                     "/api/v1/events?query=" + "x" * 1500):
            assert host.get(path, 400).json["error"]["message"], path
        # A body without end takes no memory and no connection.
        plain = socket.create_connection(("127.0.0.1", host.port))
        plain.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 60000)
        plain.settimeout(60)
        begun = time.monotonic()
        try:
            for _ in range(20):
                plain.sendall(b"x" * 60000)
            assert plain.recv(4096) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
        assert time.monotonic() - begun < 20
        plain.close()
        host.get("/live")


@test("connections and streams are counted, and those that say nothing are hung up on")
def connections():
    with FakeHost(clients="8", timeout="1") as host:
        streams = [Stream(host) for _ in range(6)]
        assert all(stream.status == 200 for stream in streams)
        seventh = host.ask("/api/v1/stream")
        assert seventh.status == 503 and "Retry-After" in seventh.headers
        for stream in streams:
            stream.close()
        # That they have gone is noticed when something is sent.
        host.tell("caption hall one")
        host.tell("caption hall two")
        def free():
            host.tell("caption hall more")
            return b"bitmar_web_streams 0\n" in host.get("/metrics").body
        until(free)
        begun = time.monotonic()
        idle = [socket.create_connection(("127.0.0.1", host.port)) for _ in range(12)]
        idle[0].settimeout(60)
        assert idle[0].recv(10) == b"" and time.monotonic() - begun > 0.5
        until(lambda: try_live(host))
        assert int(re.search(rb"bitmar_web_refused_total (\d+)", host.get("/metrics").body).group(1)) > 0
        for one in idle:
            one.close()


def try_live(host):
    try:
        return host.ask("/live").status == 200
    except OSError:
        return False


@test("cameras: state, reason, since, last caption, figures")
def cameras():
    with FakeHost() as host:
        first = host.get("/api/v1/cameras").json
        assert first["version"] == 1 and first["ready"] is False and [c["name"] for c in first["cameras"]] == ["hall", "yard"] and first["cameras"][0]["caption"] is None
        stream = Stream(host)
        host.tell("state hall watching")
        host.tell("caption hall " + HOSTILE)
        host.tell("state yard waiting it does not answer")
        host.tell("away yard")
        for _ in range(3):
            stream.next()
        hall, yard = host.get("/api/v1/cameras").json["cameras"]
        assert hall["state"] == "watching" and hall["why"] is None and hall["caption"]["text"] == HOSTILE and hall["captions"] == 1, hall
        assert hall["stats"]["encode"]["frames-in"] == 1234 and hall["caption"]["confidence"] == 0.5
        assert yard["state"] == "waiting" and yard["why"] == "it does not answer" and yard["stats"] is None and yard["losses"] == 1, yard
        stream.close()


@test("ready: the log can be written and a camera watches")
def ready():
    folder = work + "/ready"
    os.mkdir(folder)
    with FakeHost(log=folder + "/events.db") as host:
        assert host.get("/ready", 503).json == {"version": 1, "ready": False, "model": True, "log": True, "watching": False}
        host.tell("state hall watching")
        until(lambda: host.ask("/ready").status == 200)
        os.rmdir(folder)
        assert host.get("/ready", 503).json["log"] is False
        assert host.get("/live").json["live"] is True


@test("alerts begin, end, and end with their camera")
def alerts():
    with FakeHost() as host:
        stream = Stream(host)
        for line in ("state hall watching", "alert hall start dog", "alert hall start cat", "alert hall end dog"):
            host.tell(line)
        for _ in range(4):
            stream.next()
        found = host.get("/api/v1/alerts").json["alerts"]
        assert [(a["name"], a["active"]) for a in found] == [("cat", True), ("dog", False)], found
        assert found[0]["end"] is None and found[1]["end"] >= found[1]["start"] and found[0]["sentence"] == "a <dog>"
        host.tell("state hall waiting gone")
        stream.next()
        cat = host.get("/api/v1/alerts").json["alerts"][0]
        assert cat["name"] == "cat" and not cat["active"] and cat["camera-went-away"], cat
        for i in range(300):
            host.tell(f"alert yard start a{i}")
            host.tell(f"alert yard end a{i}")
        while stream.next()[2].get("name") != "a299":
            pass
        stream.next()
        assert len(host.get("/api/v1/alerts").json["alerts"]) <= 256
        stream.close()


@test("a stream has all in order, and goes on where it was left")
def resume():
    with FakeHost() as host:
        stream = Stream(host)
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        for i in range(10):
            host.tell(f"caption hall text {i}")
        host.tell("state hall waiting " + HOSTILE)
        host.tell("alert yard start dog")
        got = [stream.next() for _ in range(12)]
        assert [data["text"] for _, _, data in got[:10]] == [f"text {i}" for i in range(10)]
        assert [kind for _, kind, _ in got] == ["caption"] * 10 + ["state", "alert"]
        assert got[10][2]["camera"] == "hall" and got[11][2]["name"] == "dog"
        stream.close()
        host.tell("caption hall text 10")
        again = Stream(host, Last_Event_ID=got[3][0])
        assert [again.next() for _ in range(8)] == got[4:]
        assert again.next()[2]["text"] == "text 10"
        again.close()
        parameter = Stream(host, "/api/v1/stream?last=" + got[11][0])
        assert parameter.next()[2]["text"] == "text 10"
        parameter.close()
        # There is no log that these could be gone on from.
        for strange in ("1-5", "0" + got[0][0], "x", "", "1/hall/caption", "99999999999999999999/hall/caption", got[0][0] + "s"):
            other = Stream(host, Last_Event_ID=strange)
            assert other.next()[1] == "resync", strange
            other.close()


@test("who was away for too long is told to look anew")
def too_long():
    with FakeHost() as host:
        stream = Stream(host)
        host.tell("caption hall first")
        first = stream.next()[0]
        host.tell("flood hall 2000")
        # Who reads too slowly for the flood is told so, and the last event is not sent then.
        while True:
            _, kind, data = stream.next()
            if kind == "resync" or "event 1999" in data.get("text", ""):
                break
        stream.close()
        for _ in range(100):
            other = Stream(host, Last_Event_ID=first)
            kind = other.next()[1]
            other.close()
            if kind == "resync":
                return
            time.sleep(0.1)
        raise AssertionError("an event that is not kept any more was gone on from")


@test("a reader that is slow holds up nobody, takes little memory and is told to look anew")
def slow_reader():
    with FakeHost(timeout="600") as host:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", host.port))
        slow.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: b"bitmar_web_streams 1\n" in host.get("/metrics").body)
        quick = Stream(host)
        finished = threading.Event()

        def read():
            while quick.next()[2].get("text") != "last":
                pass
            finished.set()
        reader = threading.Thread(target=read)
        reader.start()
        before = int(re.search(rb"process_resident_memory_bytes (\d+)", host.get("/metrics").body).group(1))
        host.tell("flood hall 20000")
        # On a busy machine this reader may be behind, too, and miss one.
        until(lambda: host.tell("caption hall last") or finished.wait(0.2), 200)
        reader.join()
        after = int(re.search(rb"process_resident_memory_bytes (\d+)", host.get("/metrics").body).group(1))
        assert after - before < 16 << 20, after - before
        assert int(re.search(rb"bitmar_web_dropped_total (\d+)", host.get("/metrics").body).group(1)) > 1000
        slow.settimeout(60)
        heard = b""
        while b"event: resync" not in heard[-2000:]:
            piece = slow.recv(65536)
            assert piece
            heard += piece
        slow.close()
        quick.close()


def part(answer):
    """The head and the picture of the next part."""
    head = {}
    while True:
        line = answer.readline().decode().strip()
        if line.startswith("--") or (not line and not head):
            continue
        if not line:
            break
        name, _, value = line.partition(": ")
        head[name.lower()] = value
    return head, answer.read(int(head["content-length"]))


@test("pictures: one, moving ones, those of several cameras; and only while somebody looks")
def pictures():
    with FakeHost("hall,yard,gate") as host:
        assert host.viewers("hall") == 0
        still = host.get("/cameras/hall.jpg")
        assert still.headers["Content-Type"] == "image/jpeg" and still.body[:2] == b"\xff\xd8"
        until(lambda: host.viewers("hall") == 0)
        moving = Stream(host, "/cameras/hall.mjpeg")
        assert moving.headers["Content-Type"].startswith("multipart/x-mixed-replace; boundary=")
        numbers = [int.from_bytes(part(moving.answer)[1][4:8], "little") for _ in range(5)]
        assert numbers == sorted(set(numbers)), numbers
        several = Stream(host, "/api/v1/pictures?cameras=hall,gate")
        assert {part(several.answer)[0]["x-camera"] for _ in range(20)} == {"hall", "gate"}
        assert host.viewers("hall") == 1 and host.viewers("yard") == 0
        assert host.get("/api/v1/cameras").json["cameras"][0]["viewers"] == 2
        moving.close()
        several.close()
        until(lambda: host.viewers("hall") == 0 and host.viewers("gate") == 0)
        host.tell("away yard")
        begun = time.monotonic()
        assert "no picture" in host.get("/cameras/yard.jpg", 503).json["error"]["message"] and time.monotonic() - begun > 5


@test("of pictures a slow viewer gets the newest, and takes little memory")
def slow_viewer():
    with FakeHost(timeout="2") as host:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", host.port))
        slow.sendall(b"GET /cameras/hall.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.settimeout(120)
        assert slow.recv(1, socket.MSG_PEEK)
        before = int(re.search(rb"process_resident_memory_bytes (\d+)", host.get("/metrics").body).group(1))
        quick = Stream(host, "/cameras/hall.mjpeg")
        for _ in range(100):
            part(quick.answer)
        after = int(re.search(rb"process_resident_memory_bytes (\d+)", host.get("/metrics").body).group(1))
        assert after - before < 16 << 20, after - before
        quick.close()
        # Who takes nothing for the timeout is hung up on.
        until(lambda: host.viewers("hall") == 0)
        slow.close()


@test("metrics are in Prometheus' format, whatever names there are")
def metrics():
    with FakeHost('hall,we"ird\\name') as host:
        host.tell("state hall watching")
        until(lambda: host.ask("/ready").status == 200 or b'bitmar_camera_up{camera="hall"} 1\n' in host.get("/metrics").body)
        answer = host.get("/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        samples = check_metrics(answer.body.decode())
        assert samples['bitmar_camera_up{camera="hall"}'] == 1 and samples['bitmar_camera_up{camera="we\\"ird\\\\name"}'] == 0
        assert samples['bitmar_frames_total{camera="hall"}'] == 1234 and samples['bitmar_look_seconds_p95{camera="hall"}'] == 0.025


def check_metrics(text):
    """HELP and TYPE once and before the samples, which stand together; names, labels and numbers as they may be."""
    assert text.endswith("\n") and "\n\n" not in text
    types, helps, samples, done, current = {}, set(), {}, set(), None
    for line in text.splitlines():
        meta = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        if meta and meta.group(1) == "HELP":
            assert meta.group(2) not in helps, line
            helps.add(meta.group(2))
        elif meta:
            assert meta.group(2) in helps and meta.group(2) not in types and meta.group(3) in ("counter", "gauge"), line
            types[meta.group(2)] = meta.group(3)
            assert (meta.group(3) == "counter") == meta.group(2).endswith("_total"), line
            done.add(current)
            current = meta.group(2)
        else:
            sample = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"\})? (\S+)', line)
            assert sample and sample.group(1) == current and current not in done, line
            assert sample.group(1) + (sample.group(2) or "") not in samples, line
            samples[sample.group(1) + (sample.group(2) or "")] = float(sample.group(3))
    assert set(types) == helps
    return samples


def events(answer):
    return [(event["camera"], event["text"]) for event in answer.json["events"]]


@test("events: the newest first, or by a sentence; by camera and time; one by one with its picture")
def search():
    log = work + "/events.db"
    with FakeHost(log=log) as host:
        assert host.get("/api/v1/events").json["events"] == [] and host.get("/api/v1/events?query=a+dog").json["events"] == []
        host.get("/api/v1/events/1/thumbnail", 404)
        make_log(log, ("hall", 1000, "a dog on a street"), ("yard", 2000, "a red car"), ("hall", 3000, MARKUP))
        assert events(host.get("/api/v1/events")) == [("hall", MARKUP), ("yard", "a red car"), ("hall", "a dog on a street")]
        found = host.get("/api/v1/events?query=a+red+car&limit=1").json
        assert found["query"] == "a red car" and found["events"][0]["text"] == "a red car" and found["events"][0]["score"] > 0.99
        assert "score" not in host.get("/api/v1/events").json["events"][0]
        assert events(host.get("/api/v1/events?camera=yard")) == [("yard", "a red car")]
        assert events(host.get("/api/v1/events?camera=nobody")) == []
        assert events(host.get("/api/v1/events?from=1970-01-01T00:30:00Z&to=1970-01-01T00:50:00Z")) == [("yard", "a red car")]
        assert events(host.get("/api/v1/events?from=2000000000000&to=2000000000001")) == [("yard", "a red car")]
        assert events(host.get("/api/v1/events?from=1970-01-01T01:30:00%2B01:00&to=1970-01-01T00:40:00")) == [("yard", "a red car")]
        first = host.get("/api/v1/events?limit=1").json["events"][0]
        one = host.get(f"/api/v1/events/{first['id']}").json
        assert one["text"] == MARKUP and one["version"] == 1 and one["time"] == "1970-01-01T00:50:00.000Z" and one["utc"] == 3000 * 10**9
        picture = host.get(first["thumbnail"])
        assert picture.headers["Content-Type"] == "image/jpeg" and picture.body == ("jpeg of " + MARKUP).encode()
        host.get("/api/v1/events/99", 404)
        assert host.get("/api/v1/events?query=" + "dog+" * 250, 400).json["error"]["message"]


@test("many questions at once are all answered, and none of them holds up the server")
def many():
    log = work + "/many.db"
    make_log(log, ("hall", 1000, "a dog on a street"))
    with FakeHost(log=log, clients="200") as host:
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.append(host.ask("/api/v1/events?query=a+dog").status)) for _ in range(100)]
        for thread in threads:
            thread.start()
        assert host.get("/live").json["live"]
        for thread in threads:
            thread.join()
        assert set(statuses) <= {200, 503} and statuses.count(200) >= 32, statuses


@test("a log that is no log is an error of that answer alone")
def damaged():
    log = work + "/damaged.db"
    with open(log, "w") as file:
        file.write("nothing of ours\n" * 100)
    with FakeHost(log=log) as host:
        assert log in host.get("/api/v1/events", 503).json["error"]["message"]
        host.get("/live")
        os.unlink(log)
        make_log(log, ("hall", 1000, "a dog"))
        assert events(host.get("/api/v1/events")) == [("hall", "a dog")]


@test("TLS")
def tls():
    import http.client
    import ssl
    certificate, key = work + "/c.pem", work + "/k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, stderr=subprocess.DEVNULL)
    with FakeHost(certificate=certificate, key=key, token=TOKEN) as host:
        assert any("https://" in line for line in host.said)
        connection = http.client.HTTPSConnection("localhost", host.port, context=ssl.create_default_context(cafile=certificate), timeout=60)
        connection.request("POST", "/login", "token=" + TOKEN, {"Origin": f"https://localhost:{host.port}"})
        answer = connection.getresponse()
        assert answer.status == 303 and "Secure" in answer.headers["Set-Cookie"]
        connection.close()
        plain = socket.create_connection(("127.0.0.1", host.port))
        plain.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        plain.settimeout(60)
        try:
            assert b"200" not in plain.recv(4096)
        except ConnectionResetError:
            pass
        plain.close()


@test("it ends while streams, pictures and questions go on")
def ends():
    log = work + "/ends.db"
    make_log(log, ("hall", 1000, "a dog on a street"))
    host = FakeHost(log=log)
    open_ones = [Stream(host), Stream(host, "/cameras/hall.mjpeg"), Stream(host, "/api/v1/pictures")]
    host.tell("away yard")
    asking = host.connect()
    asking.request("GET", "/cameras/yard.jpg")
    threads = [threading.Thread(target=lambda: try_live(host)) for _ in range(5)]
    for thread in threads:
        thread.start()
    host.close()
    for one in open_ones:
        one.close()
    for thread in threads:
        thread.join()


run_all()
