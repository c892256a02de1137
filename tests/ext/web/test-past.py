#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the outlet [web] still knows of the past: events that a reader missed, also over an end of the program, and alerts that have ended."""

import json
import os
import socket
import subprocess
import threading

from common import FakeHost, Stream, run_all, test, until, work


def folder(name):
    path = os.path.join(work, name)
    os.mkdir(path)
    return path + "/events.db"


def told(host, stream, *lines):
    """They are told one by one, and their events given back."""
    got = []
    for line in lines:
        host.tell(line)
        got.append(stream.next())
    return got


def missed(host, last, ends):
    """What a reader gets that had `last`, up to the text, or name and kind, `ends`; (states as they are now, the rest)."""
    states, rest = [], []
    stream = Stream(host, Last_Event_ID=last)
    while True:
        event = stream.next()
        assert event[1] != "resync", (states, rest)
        (states if event[0] is None else rest).append(event)
        if ends in (event[2].get("text"), (event[2].get("name"), event[2].get("kind"))):
            break
    stream.close()
    return states, rest


@test("who has missed more than is kept gets the rest from the log, in order and once")
def long_away():
    with FakeHost(log=folder("long")) as host:
        host.log()
        stream = Stream(host)
        host.tell("state hall watching")
        stream.next()
        got = told(host, stream, "caption hall first", "alert hall start dog", "caption yard second", "alert hall end dog", "caption hall third")
        stream.close()
        host.tell("flood yard 1500")
        host.flush()
        host.tell("caption hall last")
        states, rest = missed(host, got[0][0], "last")
        assert {(s["camera"], s["state"]) for _, _, s in states} == {("hall", "watching"), ("yard", "connecting")}, states
        ids = [event[0] for event in rest]
        assert len(set(ids)) == len(ids)
        assert ids[:4] == [event[0] for event in got[1:]], (ids[:6], got)
        floods = [event[2]["text"].split()[1] for event in rest if event[2].get("text", "").startswith("event ")]
        assert floods == [str(i) for i in range(1500)], floods
        # The lines are those of before, but for the time, which fake-host writes otherwise, and what the log doesn't have.
        for before, again in zip(got[1:5], rest[:4]):
            assert before[1] == again[1] and (before[2]["camera"], before[2].get("text"), before[2].get("name")) == \
                (again[2]["camera"], again[2].get("text"), again[2].get("name")), (before, again)
        caption, start, end = rest[1][2], rest[0][2], rest[2][2]
        assert (caption["confidence"], caption["novelty"], caption["version"], caption["type"]) == (0.5, 0.25, 1, "caption"), caption
        assert (start["kind"], start["sentence"], start["score"]) == ("start", "a <dog>", 0.5) and "peak" not in start, start
        assert (end["kind"], end["peak"]) == ("end", 0.8) and "score" not in end, end


@test("a reader goes on where it was when the program has begun anew")
def over_restart():
    log = folder("restart")
    with FakeHost(log=log) as host:
        host.log()
        stream = Stream(host)
        got = told(host, stream, "caption hall one", "caption yard two", "caption hall three")
        host.flush()
        stream.close()
    with FakeHost(log=log) as host:
        host.log()
        # With nothing told yet, and with something.
        states, rest = missed(host, got[0][0], "three")
        assert [event[2]["text"] for event in rest] == ["two", "three"] and [event[0] for event in rest] == [event[0] for event in got[1:]]
        host.tell("caption hall four")
        states, rest = missed(host, got[2][0], "four")
        # Of another camera what was seen shortly before comes again, with the id it had.
        assert [event[2]["text"] for event in rest] == ["two", "four"] and rest[0][0] == got[1][0], rest
        parameter = Stream(host, "/api/v1/stream?last=" + rest[1][0])
        host.tell("caption hall five")
        assert parameter.next()[2]["text"] == "five"
        parameter.close()
    # The cameras may be others then.
    with FakeHost("gate", log=log) as host:
        assert [event[2]["text"] for event in missed(host, got[1][0], "five")[1]] == ["one", "three", "four", "five"]


@test("what is too much, or not in a log that works, is told to be looked for anew")
def bounded():
    log = folder("bounded")
    with FakeHost(log=log) as host:
        host.log()
        stream = Stream(host)
        first = told(host, stream, "caption hall first")[0][0]
        stream.close()
        for _ in range(12):
            host.tell("flood hall 500")
            host.flush()
        far = Stream(host, Last_Event_ID=first)
        assert far.next()[1] == "resync"
        # From here it goes on.
        host.tell("caption hall next")
        assert far.next()[2]["text"] == "next"
        far.close()
    with open(log, "wb") as file:
        file.write(b"nothing of ours\n" * 100)
    for name in ("-wal", "-shm"):
        if os.path.exists(log + name):
            os.unlink(log + name)
    with FakeHost(log=log) as host:
        broken = Stream(host, Last_Event_ID=first)
        assert broken.next()[1] == "resync"
        broken.close()


@test("readers that go on from the log hold up nobody, and may go before they have an answer")
def crowd():
    log = folder("crowd")
    with FakeHost(log=log, clients="200") as host:
        host.log()
        stream = Stream(host)
        first = told(host, stream, "caption hall first")[0][0]
        stream.close()
        for _ in range(3):
            host.tell("flood hall 500")
            host.flush()
        host.tell("caption hall last")
        kinds, lock = [], threading.Lock()

        def read():
            one = Stream(host, Last_Event_ID=first)
            n = 0
            while True:
                event = one.next()
                n += event[1] == "caption"
                if event[1] == "resync" or event[2].get("text") == "last":
                    break
            with lock:
                kinds.append((event[1], n))
            one.close()
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            gone = host.connect()
            gone.request("GET", "/api/v1/stream?last=" + first)
            gone.close()
        assert host.get("/live").json["live"]
        for thread in threads:
            thread.join()
        # Too many questions at once are refused, which is told; who is answered has all.
        assert set(kinds) <= {("caption", 1501), ("resync", 0)} and ("caption", 1501) in kinds, kinds


@test("a reader that takes nothing of what it has missed is hung up on, as all are")
def slow():
    log = folder("slow")
    with FakeHost(log=log, timeout="2") as host:
        host.log()
        stream = Stream(host)
        first = told(host, stream, "caption hall first")[0][0]
        stream.close()
        for _ in range(4):
            host.tell("flood hall 500")
            host.flush()
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.settimeout(120)
        stuck.connect(("127.0.0.1", host.port))
        stuck.sendall(f"GET /api/v1/stream?last={first} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stuck.recv(1, socket.MSG_PEEK)
        until(lambda: b"bitmar_web_streams 0\n" in host.get("/metrics").body)
        stuck.close()


def alerts(host):
    return host.get("/api/v1/alerts").json["alerts"]


def short(host):
    return [(a["camera"], a["name"], a["active"], a["end"] is None, a["camera-went-away"]) for a in alerts(host)]


def begin_alerts(host):
    host.log()
    stream = Stream(host)
    told(host, stream, "alert hall start dog", "alert hall end dog", "alert yard start cat")
    host.flush()
    stream.close()


@test("alerts are there when the program has begun anew, also of cameras that are no more; those that went on ended with it")
def history():
    log = folder("history")
    with FakeHost(log=log) as host:
        begin_alerts(host)
        before = until(lambda: (all(a["event"] for a in alerts(host)) and alerts(host)))
        assert host.get(f"/api/v1/events/{before[1]['event']}").json["alert"] == "dog"
    assert os.stat(os.path.dirname(log) + "/alerts.json").st_mode & 0o777 == 0o600
    with FakeHost("hall,gate", log=log) as host:
        assert short(host) == [("yard", "cat", False, False, True), ("hall", "dog", False, False, False)]
        dog = alerts(host)[1]
        assert dog == before[1], (dog, before[1])
        # They are still there when the log was looked at.
        host.log()
        stream = Stream(host)
        told(host, stream, "alert gate start fox")
        stream.close()
        host.flush()
        until(lambda: alerts(host)[0]["event"])
        assert short(host) == [("gate", "fox", True, True, False), ("yard", "cat", False, False, True), ("hall", "dog", False, False, False)]


@test("after kill -9 those that went on have an end that is not known")
def killed():
    log = folder("killed")
    host = FakeHost(log=log)
    begin_alerts(host)
    until(lambda: all(a["event"] for a in alerts(host)))
    until(lambda: '"event":2' in open(os.path.dirname(log) + "/alerts.json").read())
    host.kill()
    with FakeHost(log=log) as host:
        assert short(host) == [("yard", "cat", False, True, False), ("hall", "dog", False, False, False)]


@test("what is forgotten in the log is forgotten here")
def forgotten():
    log = folder("forgotten")
    with FakeHost(log=log) as host:
        begin_alerts(host)
        until(lambda: all(a["event"] for a in alerts(host)))
    subprocess.run([os.environ["BITMAR"], "forget", log, "--camera", "hall", "--from", "-1h"], check=True, stdout=subprocess.DEVNULL)
    with FakeHost(log=log) as host:
        until(lambda: short(host) == [("yard", "cat", False, False, True)])
        until(lambda: '"name":"dog"' not in open(os.path.dirname(log) + "/alerts.json").read())


@test("a history that can't be read is put aside, one that can't be written is told, and neither keeps anything from going on")
def damaged():
    log = folder("damaged")
    path = os.path.dirname(log) + "/alerts.json"
    good = {"camera": "hall", "name": "dog", "sentence": "a dog", "start": 1, "end": 2, "score": 0.5, "peak": 0.5, "cut": False, "event": 0}
    wrong = [b"", b"{", b'{"version":2,"alerts":[]}', b'{"version":1,"alerts":[1]}', b"\xff\0",
             json.dumps({"version": 1, "alerts": [good, {**good, "start": "x"}]}).encode(), json.dumps({"version": 1, "alerts": [{**good, "name": None}]}).encode()]
    for text in wrong:
        with open(path, "wb") as file:
            file.write(text)
        with FakeHost(log=log) as host:
            assert alerts(host) == []
            assert any(path in line and "begins anew" in line and "alerts.json.damaged" in line for line in host.said), (text, host.said)
        assert open(path + ".damaged", "rb").read() == text
    os.unlink(path + ".damaged")
    with open(path, "w") as file:
        json.dump({"version": 1, "alerts": [{**good, "start": i, "end": i + 1, "later": "added"} for i in range(300)]}, file)
    with FakeHost(log=log) as host:
        found = alerts(host)
        assert len(found) == 256 and found[0]["start"].startswith("1970") and not os.path.exists(path + ".damaged")
    os.unlink(path)
    os.mkdir(path)
    with FakeHost(log=log) as host:
        assert any(path in line for line in host.said), host.said
    os.rmdir(path + ".damaged")
    with FakeHost(log=log) as host:
        # Also for root: a folder is where it would be written.
        os.mkdir(path)
        os.mkdir(path + "/x")
        stream = Stream(host)
        told(host, stream, "alert hall start dog")
        host.wait_line("the history of alerts can't be written")
        assert short(host) == [("hall", "dog", True, True, False)]
        stream.close()
    os.rmdir(path + "/x")


run_all()
