#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The section [web] of `bitmar watch` itself: mistakes in it, a port that is taken, viewers that read nothing, and what is left when it begins anew."""

import json
import os
import socket
import subprocess

from common import FakeHost, Stream, Watch, make_clip, run_all, test, until, work

TOKEN = "0123456789abcdef-token"
make_clip(work + "/clip.mkv")
CLIP = f"source = {work}/clip.mkv"


def mistake(status, words, *lines, options=()):
    """It ends with that, before anything is watched."""
    config = work + "/mistake.conf"
    with open(config, "w") as file:
        file.write("\n".join(["[watch]", f"folder = {work}/mistake", *lines, "[camera a]", CLIP]) + "\n")
    ended = subprocess.run([os.environ["BITMAR"], "watch", *options, config], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    told = ended.stderr.replace(config, "FILE")
    assert ended.returncode == status and words in told and "watching" not in told and ended.stdout == "", (ended.returncode, told, ended.stdout)


@test("a mistake in the section is told with file, line, section and key")
def mistakes():
    with open(work + "/no.pem", "w") as file:
        file.write("no certificate\n")
    mistake(2, "FILE:4: [web]: there is no key 'listn' here; the keys are listen, token", "[web]", "listn = 127.0.0.1:0")
    mistake(2, "FILE:4: [web]: listen: '127.0.0.1:http' is no address and port", "[web]", "listen = 127.0.0.1:http")
    mistake(2, "FILE:5: [web]: listen: '127.0.0.1:70000' is no address and port", "[web]", "clients = 8", "listen = 127.0.0.1:70000")
    mistake(2, "FILE:4: [web]: listen: other machines can reach this, so it needs a 'token'", "[web]", "listen = 0.0.0.0:0")
    mistake(2, "FILE:5: [web]: token: a token has 16 to 256 characters", "[web]", "listen = 127.0.0.1:0", "token = short")
    mistake(2, f"FILE:4: [web]: token-file: ", "[web]", f"token-file = {work}/none")
    mistake(2, f"FILE:5: [web]: certificate: ", "[web]", "listen = 127.0.0.1:0", f"certificate = {work}/none.pem", f"key = {work}/none.pem")
    mistake(2, f"FILE:4: [web]: certificate: ", "[web]", f"certificate = {work}/no.pem", f"key = {work}/no.pem")
    mistake(2, "FILE:4: [web]: key: 'certificate' and 'key' go together", "[web]", f"key = {work}/no.pem")
    mistake(2, "FILE:5: [web]: 'listen' was set before, in line 4", "[web]", "listen = 127.0.0.1:0", "listen = 127.0.0.1:0")


@test("--check finds a mistake, and nothing wrong with what is right, and opens no port")
def checks():
    mistake(2, "FILE:4: [web]: clients: 'many'", "[web]", "clients = many", options=["--check"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        mistake(0, "", "[web]", f"listen = 127.0.0.1:{taken.getsockname()[1]}", options=["--check"])
    assert not os.path.exists(work + "/mistake")


@test("a port that is taken ends it, with file, section and address, before anything is watched")
def taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        mistake(2, f"FILE: [web]: listen: 127.0.0.1:{port}: ", "[web]", f"listen = 127.0.0.1:{port}")


class Printing(Watch):
    """With what it prints in a file."""

    def start(self):
        self.printed = open(os.path.join(self.folder, "out"), "w+")
        self.errors = open(os.path.join(self.folder, "err"), "w+")
        self.process = subprocess.Popen([os.environ["BITMAR"], "watch", "--json", self.config], stdout=self.printed, stderr=self.errors)
        self.port = int(until(self.find_port))

    def lines(self):
        with open(self.printed.name) as file:
            text = file.read()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def stuck(watch, path):
    """Asks, and takes nothing of the answer."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    one.connect(("127.0.0.1", watch.port))
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return one


def metric(watch, name):
    return next(float(line.split()[-1]) for line in watch.get("/metrics").body.decode().splitlines() if line.startswith(name + " "))


@test("with many viewers that take nothing all captions come, in order, to standard output, to a reader and to the log; and it ends when it is told to")
def viewers():
    watch = Printing("[web]", "listen = 127.0.0.1:0", "clients = 64", "timeout = 3600", "[camera a]", CLIP, "repeat = yes", "min-confidence = 0",
                     "interval = 250ms", "[camera b]", CLIP, "repeat = yes", "min-confidence = 0", name="viewers")
    try:
        reader = Stream(watch)
        first = reader.next()
        paths = ["/api/v1/stream", "/cameras/a.mjpeg", "/api/v1/pictures?cameras=a,b"] * 14
        viewers = [stuck(watch, path) for path in paths]
        until(lambda: metric(watch, "bitmar_web_streams") == len(paths) + 1, 120)
        captions = len([line for line in watch.lines() if line["type"] == "caption"])
        got = [first]
        while len([data for _, _, data in got if data["type"] == "caption"]) < 12 or len({data["camera"] for _, _, data in got}) < 2:
            got.append(reader.next())
            assert got[-1][1] != "resync", got
        assert metric(watch, "bitmar_web_streams") == len(paths) + 1
        until(lambda: len([line for line in watch.lines() if line["type"] == "caption"]) > captions)
        lines = watch.lines()
        told = [data for _, _, data in got]
        at = lines.index(told[0])
        assert lines[at:at + len(told)] == told, (told, lines)
        # What was told is in the log; its id says when it was seen.
        wanted = {(data["camera"], int(id.split("/")[0]), data["text"]) for id, kind, data in got if kind == "caption"}
        until(lambda: wanted <= {(e["camera"], e["utc"], e["text"]) for e in watch.get("/api/v1/events?limit=500").json["events"]})
        watch.last = got[-1][0]
    finally:
        watch.stop()
    for one in viewers:
        one.close()
    goes_on(watch, got)


def goes_on(watch, got):
    """A reader of before goes on where it was in another process."""
    captions = [event for event in got if event[1] == "caption"]
    watch.start()
    try:
        again = Stream(watch, Last_Event_ID=captions[4][0])
        wanted = [event[0] for event in captions[5:]]
        seen = []
        while not set(wanted) <= set(seen):
            event = again.next()
            assert event[1] != "resync", event
            seen.append(event[0])
        assert len([id for id in seen if id]) == len({id for id in seen if id}), seen
        again.close()
    finally:
        watch.stop()


run_all()
