#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/web.md: its sections are used, its commands are run, its proxy is asked. Nothing indented on the page is anything else."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess

from common import FakeHost, Server, Stream, Watch, make_clip, run_all, test, until, work

TOKEN = "0123456789abcdef-token"
CURL = ["curl -fsS --noproxy '*' --max-time 120 ", "curl "]
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def blocks():
    """Of indented lines, in the page's order."""
    found, inside = [], False
    with open(os.environ["BITMAR_SOURCE"] + "/docs/web.md") as file:
        for line in file:
            if line.startswith("    "):
                found += [] if inside else [[]]
                found[-1].append(line[4:].rstrip("\n"))
            inside = line.startswith("    ")
    return found


page = blocks()
sections = [block for block in page if block[0] == "[web]"]
commands = [line for block in page if re.match(r"curl |\(umask ", block[0]) for line in block]
proxies = [block for block in page if block[0].startswith("location ")]


@test("what is indented on the page is a section, commands, or a proxy's")
def known():
    assert len(sections) == 2 and len(proxies) == 1 and len(commands) >= 10, page
    assert len(page) == len(sections) + len(proxies) + len([block for block in page if re.match(r"curl |\(umask ", block[0])]), page


def run(line, port, good=lambda said: True):
    """Until it is done, and says so: a busy machine may not have a picture within the time that the server waits for one."""
    script = line.replace(CURL[1], CURL[0]).replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("/etc/bitmar-token", work + "/token").replace("TOKEN", TOKEN)
    failed = []

    def done():
        ended = subprocess.run(["sh", "-c", script], cwd=work, capture_output=True, timeout=300)
        failed.append(ended)
        return ended.returncode == 0 and good(ended.stdout)
    try:
        until(done, 120)
    except AssertionError:
        raise AssertionError((line, failed[-1])) from None


def is_picture(name):
    with open(os.path.join(work, name), "rb") as picture:
        return picture.read(3) == b"\xff\xd8\xff"


def is_answer(said):
    return json.loads(said)["version"] == 1


@test("each command without a token, asked of `bitmar watch` with the page's first section")
def plain():
    make_clip(work + "/clip.mkv")
    watch = Watch(*[line.replace(":8080", ":0") for line in sections[0]], "[camera door]", f"source = {work}/clip.mkv", "repeat = yes", "min-confidence = 0")
    try:
        until(lambda: watch.ask("/ready").status == 200, 120)
        until(lambda: watch.ask("/api/v1/events/1/thumbnail").status == 200, 120)
        for line in commands:
            if "TOKEN" in line or not line.startswith("curl"):
                continue
            file = re.search(r"-o (\S+)", line)
            if file:
                run(line, watch.port, lambda said: is_picture(file.group(1)))
            elif "/stream" in line:
                run(line, watch.port, lambda said: re.search(rb"^id: \d+/door/caption$", said, re.M))
            elif "/metrics" in line:
                run(line, watch.port, lambda said: b'bitmar_camera_up{camera="door"} 1' in said)
            else:
                run(line, watch.port, is_answer)
    finally:
        watch.stop()


@test("each command with a token; the one that makes one, which the section for a proxy takes")
def with_token():
    with FakeHost(token=TOKEN) as host:
        lines = [line for line in commands if "TOKEN" in line]
        assert lines
        for line in lines:
            run(line, host.port, is_answer)
    for line in commands:
        if not line.startswith("curl"):
            run(line, 0)
    assert os.stat(work + "/token").st_mode & 0o777 == 0o600
    with FakeHost(**proxied()) as host:
        assert not any("chmod" in line for line in host.said), host.said
        host.token = None
        host.get("/api/v1", 401)
        with open(work + "/token") as file:
            host.token = file.read().strip()
        host.get("/api/v1", 200, Host="nvr.example.org")


def proxied():
    values = dict(line.split(" = ") for line in sections[1][1:])
    return {"listen": values["listen"].replace(":8080", ":0"), "hosts": values["hosts"], "token_file": work + "/token"}


class Proxy(Server):
    """nginx with the page's location, at a socket of its own."""

    def __init__(self, host):
        self.folder = os.path.join(work, "nginx")
        os.makedirs(self.folder + "/logs", exist_ok=True)
        self.socket, self.token = self.folder + "/socket", host.token
        with open(self.folder + "/nginx.conf", "w") as file:
            file.write(f"daemon off;\nmaster_process off;\npid {self.folder}/pid;\nerror_log {self.folder}/logs/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n")
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
                file.write(f"{kind}_temp_path {self.folder}/{kind};\n")
            file.write(f"server {{\nlisten unix:{self.socket};\nserver_name nvr.example.org;\n")
            file.write("\n".join(proxies[0]).replace("127.0.0.1:8080", f"127.0.0.1:{host.port}") + "\n}\n}\n")
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-c", self.folder + "/nginx.conf"], stderr=subprocess.PIPE, text=True)
        until(lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None, self.process.stderr.read()

    def answers(self):
        try:
            return self.ask("/bitmar/live").status == 200
        except OSError:
            return False

    def connect(self, timeout=60):
        connection = http.client.HTTPConnection("nvr.example.org", timeout=timeout)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
        connection.sock.connect(self.socket)
        return connection

    def close(self):
        self.process.terminate()
        self.process.wait(60)


def below(path, found):
    """Where a browser is led from there."""
    import urllib.parse
    return urllib.parse.urlparse(urllib.parse.urljoin("http://nvr.example.org" + path, found)).path


@test("behind the page's proxy: the page below a path, events at once, signing in and out" + ("" if NGINX else " # SKIP no nginx"))
def proxy():
    if not NGINX:
        return
    with FakeHost(**proxied()) as host:
        with open(work + "/token") as file:
            host.token = file.read().strip()
        through = Proxy(host)
        try:
            origin = {"Origin": "http://nvr.example.org", "Sec_Fetch_Site": "same-origin"}
            assert below("/bitmar/", through.get("/bitmar/", 303, Authorization="none").headers["Location"]) == "/bitmar/login"
            page = through.get("/bitmar/").body.decode()
            for name in re.findall(r'(?:src|href)="([^"#]+)"', page):
                assert below("/bitmar/", name).startswith("/bitmar/") and through.get(below("/bitmar/", name)).body, name
            # An event comes while the answer goes on.
            stream = Stream(through, "/bitmar/api/v1/stream")
            for i in range(3):
                host.tell(f"caption hall text {i}")
                assert stream.next()[2]["text"] == f"text {i}"
            stream.close()
            pictures = Stream(through, "/bitmar/cameras/hall.mjpeg")
            assert b"Content-Type: image/jpeg" in b"".join(pictures.answer.readline() for _ in range(4))
            pictures.close()
            form = {"Authorization": "none", "Content_Type": "application/x-www-form-urlencoded", **origin}
            entered = through.ask("/bitmar/login", "POST", "token=" + host.token, **form)
            assert entered.status == 303 and below("/bitmar/login", entered.headers["Location"]) == "/bitmar/", entered.headers
            cookie = entered.headers["Set-Cookie"].split(";")[0]
            through.get("/bitmar/api/v1", Authorization="none", Cookie=cookie)
            left = through.ask("/bitmar/logout", "POST", "", Cookie=cookie, **form)
            assert left.status == 303 and below("/bitmar/logout", left.headers["Location"]) == "/bitmar/login", left.headers
            assert through.ask("/bitmar/login", "POST", "token=x", **{**form, "Origin": "http://evil.example"}).status == 403
        finally:
            through.close()


run_all()
