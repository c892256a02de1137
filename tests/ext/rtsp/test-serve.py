#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bitmar serve on loopback, seen by a client that is not GStreamer. Environment: BITMAR, BITMAR_MODEL, SERVING_PAGE and what GStreamer and libbitmar need.

test-serve.py [NAME…]: the tests whose functions' names have one of these in them."""
import os
import shlex
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as E

from client import Client, Refused, Rtp, documents, rtp, unix_time
from serving import (SECRET, Camera, Server, certificate, clip, connect, discard, events, frames, go_on, items, note, refusal, run_all, secret_file,
                     told, utc_of, work)


# ---- What is served --------------------------------------------------------------------------------------

def times():
    begun = time.time()
    with Server("yard=" + clip("yard.mkv", 600, 4, size="width=160,height=120"), "--interval", "0.5", "--alert", "any: a man above 0.0001 below 0.0001") as server:
        client = connect(server.addresses[0])
        assert "m=video " in client.sdp and "m=application " in client.sdp and "vnd.onvif.metadata/90000" in client.sdp.lower(), client.sdp
        assert client.read(lambda: len(told(client, "Caption")) >= 3 and told(client, "Alert") and frames(client) > 8
                           and unix_time(client, 0, 0) and unix_time(client, 2, 0)), "captions, an alert and reports"
        said = told(client, "Caption")
        for message in said:
            data = items(message, "Data")
            assert items(message, "Source") == {"VideoSource": "yard"} and data["Id"] and data["Text"] is not None, E.tostring(message)
            assert 0 <= float(data["Confidence"]) <= 1 and 0 <= float(data["Novelty"]) <= 1, data
        utcs = [utc_of(message) for message in said]
        assert utcs == sorted(utcs), utcs
        assert begun - 1 <= utcs[0] and utcs[-1] <= time.time() + 1, (begun, utcs)
        # Frames are a quarter of a second apart, since the clip does not begin again. A caption's time is that of one of them, as the senders' reports
        # tell it: of one that was seen, or of one before the client came.
        first = min(packet.time for packet in rtp(client, 0))
        off = [(utc - unix_time(client, 0, first) + 0.125) % 0.25 - 0.125 for utc in utcs + [utc_of(told(client, "Alert")[0])]]
        note("%d frames, %d documents; UtcTime off a frame's time by %s ms" % (frames(client), len(documents(client, 2)),
                                                                              ", ".join("%.1f" % (1000 * o) for o in off)))
        assert max(abs(o) for o in off) < 0.06, off
        # RTP time goes on, too.
        stamps = [t for _, _, t in documents(client, 2)]
        assert all((b - a) % 2 ** 32 < 2 ** 31 for a, b in zip(stamps, stamps[1:])), stamps
        client.close()


def late():
    """Two share a pipeline, and who comes late is told all that is current by the first document."""
    with Server("still=" + clip("yard.mkv", 600, 4, size="width=160,height=120"), "--alert", "any: a man above 0.0001 below 0.0001") as server:
        first = connect(server.addresses[0])
        assert first.read(lambda: told(first, "Caption") and told(first, "Alert")), "a caption and an alert"
        before = len(documents(first, 2))
        second = connect(server.addresses[0])
        assert second.read(lambda: documents(second, 2) and frames(second) > 2), "who joins late is told"
        found = {topic.split(":")[-1]: message for topic, message in events(documents(second, 2)[0][0])}
        assert set(found) == {"Caption", "Alert"} and {m.get("PropertyOperation") for m in found.values()} == {"Initialized"}, found
        assert items(found["Alert"], "Source") == {"VideoSource": "still", "Rule": "any"}
        assert items(found["Alert"], "Data")["State"] == "true" and items(found["Alert"], "Data")["Sentence"] == "a man"
        go_on(first, 6)
        # For him, not only because a second has passed since the last time; all hear it.
        stamps = [t for _, _, t in documents(first, 2)[before - 1:]]
        assert any((b - a) % 2 ** 32 < 85000 for a, b in zip(stamps, stamps[1:])), stamps
        assert {packet.source for packet in rtp(first, 0)} == {packet.source for packet in rtp(second, 0)}, "it is one stream"
        mine, theirs = ({packet.sequence: packet.payload for packet in rtp(c, 0)} for c in (first, second))
        assert first.read(lambda: set(theirs) <= {packet.sequence for packet in rtp(first, 0)}), "both have the same packets"
        mine = {packet.sequence: packet.payload for packet in rtp(first, 0)}
        assert all(mine[n] == theirs[n] for n in theirs)
        # One leaves by the book, one as if its cable were cut; both come back.
        first.ask("TEARDOWN")
        first.close()
        go_on(second)
        second.close()
        for _ in range(3):
            again = connect(server.addresses[0])
            assert again.read(lambda: told(again, "Caption", "Initialized") and frames(again) > 1), "who comes back sees it again"
            again.close()


def h264():
    with Server("h264=" + clip("h264.mkv", 20, 10, "openh264enc gop-size=10 ! h264parse")) as server:
        client = connect(server.addresses[0])
        assert "H264/90000" in client.sdp and "sprop-parameter-sets" in client.sdp, client.sdp
        # Over an end of the file, too; the first frame can be shown without others.
        assert client.read(lambda: frames(client) > 24 and told(client, "Caption")), "video and a caption"
        assert rtp(client, 0)[0].payload[0] & 31 in (5, 6, 7, 24) or rtp(client, 0)[0].payload[1] & 31 == 5, rtp(client, 0)[0].payload[:8]
        client.close()


def encoded():
    """What RTP has no form for, and what is drawn on, is encoded."""
    with Server("raw=" + clip("raw.mkv", 20, 10, "videoconvert"), "drawn=" + clip("drawn.mkv"), "--burn-in") as server:
        for address in server.addresses:
            client = connect(address)
            assert "H264/90000" in client.sdp, client.sdp
            assert client.read(lambda: frames(client) > 5 and told(client, "Caption")), "video and a caption"
            client.close()


def udp():
    """RTP by UDP, from sockets that are as local as the server."""
    with Server("udp=" + clip("udp.mkv")) as server:
        server.says("udp: serving")
        receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        for receiver in receivers:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(60)
        ports = [receiver.getsockname()[1] for receiver in receivers]
        end = time.monotonic() + 90
        client = Client(server.addresses[0])
        while True:
            try:
                client.describe()
                break
            except Refused as refused:
                assert refused.status == 503 and time.monotonic() < end
                time.sleep(0.1)
        theirs = []
        for url, pair in zip(client.controls, (ports[:2], ports[2:])):
            transport = client.ask("SETUP", url, Transport="RTP/AVP;unicast;client_port=%d-%d" % tuple(pair))[0]["transport"]
            theirs += [int(port) for port in transport.split("server_port=")[1].split(";")[0].split("-")]
        client.ask("PLAY", Range="npt=0-")
        data, sender = receivers[0].recvfrom(2000)
        assert Rtp(data).type == 96 and sender == ("127.0.0.1", theirs[0]), (sender, theirs)
        assert Rtp(receivers[2].recv(2000)).type == 98
        with open("/proc/%d/net/udp" % server.process.pid) as file:
            bound = {line.split()[1] for line in file}
        for port in theirs:
            assert "0100007F:%04X" % port in bound and "00000000:%04X" % port not in bound, (port, bound)
        client.close()


# ---- Sources and clients that fail -------------------------------------------------------------------------

def comes_back():
    """A source that isn't there harms no other, and is served when it is; when it goes, who watches is told."""
    path = os.path.join(work, "comes.mkv")
    with Server("there=" + clip("there.mkv"), "comes=" + path) as server:
        server.says("comes: waiting (there is no file")
        client = connect(server.addresses[0])
        assert client.read(lambda: told(client, "Caption")), "the other is served"
        assert refusal(server.addresses[1]) == 503, "there is nothing to play yet"
        assert refusal(server.addresses[1] + "x") == 404, "there will never be"
        os.rename(clip("new.mkv", 4), path)
        second = connect(server.addresses[1])
        assert second.read(lambda: told(second, "Caption")), "it is served now"
        # A file begins again at its end, for who watches, too.
        go_on(second, 6)
        os.remove(path)
        assert second.read(lambda: second.ended), "who watches is hung up on"
        assert any(channel == 1 and b"\xcb" in data[1:2] + data[28:] for channel, data in second.packets), "behind an RTCP BYE"
        second.close()
        assert refusal(server.addresses[1]) == 503, "there is nothing to play now"
        go_on(client)
        os.rename(clip("new.mkv", 4), path)
        second = connect(server.addresses[1])
        assert second.read(lambda: told(second, "Caption") and frames(second) > 2), "it is served again"
        second.close()
        assert not client.ended, "the other goes on"
        client.close()


def camera_dies():
    with Camera() as camera, Server("gate=" + camera.address, "there=" + clip("there.mkv")) as server:
        other = connect(server.addresses[1])
        for _ in range(2):
            client = connect(server.addresses[0])
            assert client.read(lambda: told(client, "Caption") and frames(client) > 4), "the camera is served"
            camera.kill()
            assert client.read(lambda: client.ended), "who watches is hung up on"
            assert refusal(server.addresses[0]) == 503, "it is away"
            client.close()
            go_on(other)
            camera.start()
        client = connect(server.addresses[0])
        go_on(client)
        client.close()
        other.close()


def slow():
    """Who takes nothing harms nobody else, and does not hold up the end; by TLS neither."""
    big = clip("big.mkv", 20, 10, "jpegenc quality=95", "snow", "width=800,height=600")
    for words, enough in (((), 8 << 20), (("--certificate", certificate(), "--key", os.path.join(work, "key.pem")), 5 << 20)):
        authority = words[1] if words else None
        with Server("busy=" + big, *words) as server:
            # Both in turn: whoever came first.
            idle = [connect(server.addresses[0], authority=authority, room=4096)]
            client = connect(server.addresses[0], authority=authority)
            idle.append(connect(server.addresses[0], authority=authority, room=4096))
            # More than the buffers of the kernel hold.
            taken = 0
            while taken < enough:
                go_on(client, 4)
                taken += sum(len(data) for _, data in client.packets)
                client.packets.clear()
            late = connect(server.addresses[0], authority=authority)
            go_on(late, 2)
        for one in (*idle, client, late):
            one.close()


def crowd():
    """Who is one too many is hung up on; when another has left, there is room."""
    with Server("small=" + clip("small.mkv"), "--max-clients", "2") as server:
        first, second = connect(server.addresses[0]), connect(server.addresses[0])
        third = Client(server.addresses[0])
        try:
            third.play()
            raise AssertionError("there is no room")
        except ConnectionError:
            pass
        third.close()
        go_on(first)
        second.close()
        end = time.monotonic() + 60
        while True:
            try:
                fourth = connect(server.addresses[0])
                break
            except ConnectionError:
                assert time.monotonic() < end, "there is room"
                time.sleep(0.2)
        go_on(fourth)
        first.close()
        fourth.close()


# ---- Strangers ---------------------------------------------------------------------------------------------

def login():
    with Server("shut=" + clip("shut.mkv"), "away=" + os.path.join(work, "none.mkv"), "--user", "guard", "--password-file", secret_file()) as server:
        server.says("shut: serving")
        for user in ((), ("guard", "bread and jam"), ("thief", SECRET)):
            assert refusal(server.addresses[0], *user) == 401, user
        assert refusal(server.addresses[1]) == 401, "a stranger is not told what is there"
        assert refusal(server.addresses[1], "guard", SECRET) == 503
        client = connect(server.addresses[0], "guard", SECRET)
        assert client.read(lambda: told(client, "Caption")), "the guard sees it"
        # What he may, nobody else may in his session.
        stranger = Client(server.addresses[0])
        stranger.session = client.session
        try:
            stranger.ask("PLAY", Range="npt=0-")
            raise AssertionError("that is not his session")
        except (Refused, ConnectionError):
            pass
        stranger.close()
        go_on(client)
        # Each request is asked for the password, not only the first.
        client.user = None
        try:
            client.ask("GET_PARAMETER")
            raise AssertionError("that could be anybody")
        except Refused as refused:
            assert refused.status == 401, refused.status
        client.close()
        assert not any("butter" in line for line in server.log), "the password is not told"


def tls():
    with Server("safe=" + clip("safe.mkv"), "--certificate", certificate(), "--key", os.path.join(work, "key.pem"), "--user", "guard",
                "--password-file", secret_file()) as server:
        address = server.addresses[0]
        assert address.startswith("rtsps://127.0.0.1:"), address
        client = connect(address, "guard", SECRET, authority=certificate())
        assert client.read(lambda: told(client, "Caption") and frames(client) > 2), "it is served"
        # Nothing goes beside it in the clear.
        other = Client(address, "guard", SECRET, authority=certificate())
        other.describe()
        try:
            other.ask("SETUP", other.controls[0], Transport="RTP/AVP;unicast;client_port=5000-5001")
            raise AssertionError("UDP is refused")
        except Refused as refused:
            assert refused.status == 461, refused.status
        other.close()
        plain = Client(address.replace("rtsps:", "rtsp:"), "guard", SECRET)
        try:
            plain.play()
            raise AssertionError("who speaks no TLS is hung up on")
        except ConnectionError:
            pass
        plain.close()
        go_on(client)
        client.close()


def run(*words, **environment):
    done = subprocess.run([os.environ["BITMAR"], "serve", *words], capture_output=True, text=True, timeout=90, env=dict(os.environ, **environment))
    return done.returncode, done.stderr


def refusals():
    path, empty, short = clip("refused.mkv"), os.path.join(work, "empty"), os.path.join(work, "short")
    open(empty, "w").close()
    with open(short, "w") as file:
        file.write("1234567\n" + 100 * "x")
    guard = ("--user", "guard", "--password-file")
    for words, text in ((("--address", "0.0.0.0", path), "needs --user and --password-file"), (("--address", "::", path), "needs --user"),
                        (("--address", "nvr.local", path), "'nvr.local' is none"), (("--user", "guard", path), "come together"),
                        (("--certificate", path, path), "come together"), ((), "nothing to serve"), (("--port", "70000", path), "--port takes"),
                        (("--interval", "-1", path), "--interval takes"), (("--max-clients", "0", path), "--max-clients takes"),
                        (("--min-confidence", "2", path), "--min-confidence takes"), ((*guard, empty, path), "has 0"), ((*guard, short, path), "has 7"),
                        ((*guard, "/nonexistent", path), "/nonexistent"), ((*guard, path, path), "is not a password in a line"),
                        (("--user", "a:b", "--password-file", secret_file(), path), "--user takes"),
                        (("--alert", "x: a man abve 0.5; : y", path), "--alert: line 1"), (("a=" + path, "a=" + path), "two sources are called 'a'"),
                        (("a=",), "no source behind the '='"), (("--certificate", path, "--key", path, path), "port 8554"),
                        (("--address", "192.0.2.1", "--port", "0", *guard, secret_file(), path), "192.0.2.1")):
        status, said = run(*words)
        assert status == 2 and text in said, (words, status, said)
    status, said = run("--model", "/nonexistent", path)
    assert status == 3 and "/nonexistent" in said, (status, said)
    status, said = run(path, BITMAR_MODULE_PATH=work)
    assert status == 2 and "libbitmar-rtsp.so" in said and "libgstrtspserver-1.0-dev" in said, (status, said)
    with Server("one=" + path) as server:
        port = server.addresses[0].split(":")[2].split("/")[0]
        status, said = run("--port", port, path)
        assert status == 2 and port in said, (status, said)


# ---- docs/serving.md -----------------------------------------------------------------------------------------

def commands():
    """What is indented by four on the page, with lines that go on put together."""
    with open(os.environ["SERVING_PAGE"]) as file:
        text = file.read().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def shell(command, folder=work):
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def watches(command):
    """A dump of the metadata has a document in its last column."""
    process = subprocess.Popen("exec " + command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watchdog = threading.Timer(100, process.kill)
    watchdog.start()
    text = ""
    for line in process.stdout:
        text += line.rstrip("\n")[-16:]
        if "tt:MetadataStream" in text:
            break
    process.kill()
    process.wait()
    watchdog.cancel()
    assert "tt:MetadataStream" in text, text[-2000:]


def page():
    """Its commands, with other sources, ports and sinks."""
    told_of = commands()
    serves, views = [c for c in told_of if c.startswith("bitmar serve")], [c for c in told_of if c.startswith("gst-launch-1.0")]
    makes = [c for c in told_of if c.startswith("openssl")]
    assert len(serves) == 2 and len(views) == 2 and len(makes) == 2 and len(told_of) == 6, told_of
    words = [shlex.split(c.replace("rtsp://user:password@10.0.0.12/stream1", clip("page.mkv")).replace("/dev/video0", clip("page.mkv")))[2:] for c in serves]
    with Server(*words[0]) as server:
        assert [a.split("/")[-1] for a in server.addresses] == ["yard", "gate"], server.addresses
        connect(server.addresses[0]).close()
        watches(views[0].replace("rtsp://127.0.0.1:8554/yard", server.addresses[0]).replace("autovideosink", "fakesink"))
    folder = os.path.join(work, "page")
    os.mkdir(folder)
    for command in makes:
        shell(command.replace("192.168.1.5", "127.0.0.1"), folder)
    with open(os.path.join(folder, "password")) as file:
        password = file.readline().strip()
    here = [os.path.join(folder, word) if word in ("password", "certificate.pem", "key.pem") else word for word in words[1]]
    with Server(*here) as server:
        address = server.addresses[0].replace("0.0.0.0", "127.0.0.1")
        client = connect(address, "guard", password, authority=os.path.join(folder, "certificate.pem"))
        go_on(client)
        client.close()
    shell(views[1].replace("file:///clip.mp4", "file://" + clip("page.mkv")).replace("port=5004", "port=%d" % discard.getsockname()[1]))


TESTS = (("video, captions and alerts, with the time of their frames", times),
         ("two share a pipeline, and who joins late is told what is current", late), ("H.264 goes on as it is", h264),
         ("what has to be encoded is", encoded), ("RTP by UDP", udp), ("a source that is away harms no other, and comes back", comes_back),
         ("a camera dies and comes back, and the server stays", camera_dies), ("who takes nothing harms nobody else", slow), ("a crowd is kept out", crowd), ("strangers are refused", login),
         ("TLS, and nothing beside it", tls), ("wrong usage is told", refusals), ("the commands of docs/serving.md", page))

if __name__ == "__main__":
    run_all(TESTS)
