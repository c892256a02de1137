# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the page share: TAP, a server of the outlet alone and one of `bitmar watch`, and HTTP without a library's politeness.

Environment: BITMAR, WEB_MODULE, FAKE_HOST, MAKE_LOG, and what GStreamer and libbitmar need."""

import atexit
import http.client
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

tests = []
work = tempfile.mkdtemp()


def test(name):
    def add(function):
        tests.append((name, function))
        return function
    return add


def run_all():
    failed = 0
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}\n" + "".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
    print(f"1..{len(tests)}")
    sys.exit(failed > 0)


def until(function, seconds=120):
    """Until it returns what is true; that is returned."""
    end = time.monotonic() + seconds
    while True:
        value = function()
        if value:
            return value
        assert time.monotonic() < end, f"not in {seconds} s"
        time.sleep(0.05)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        assert self.headers["Content-Type"].startswith("application/json"), self.headers["Content-Type"]
        return json.loads(self.body)


class Server:
    port = 0
    token = None

    def connect(self, timeout=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, path, method="GET", body=None, **headers):
        """headers: with _ for -."""
        connection = self.connect()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        connection.request(method, path, body, {name: value for name, value in sent.items() if value})
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found

    def get(self, path, status=200, **headers):
        answer = self.ask(path, **headers)
        assert answer.status == status, (answer.status, answer.body[:300])
        return answer


class Stream:
    """Server-sent events, read as far as one asks."""

    def __init__(self, server, path="/api/v1/stream", **headers):
        self.connection = server.connect()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if server.token:
            sent["Authorization"] = f"Bearer {server.token}"
        self.connection.request("GET", path, None, sent)
        self.answer = self.connection.getresponse()
        self.status, self.headers = self.answer.status, self.answer.headers

    def next(self):
        """(id, type, data); comments and retry are left out."""
        fields = {}
        end = time.monotonic() + 240
        while True:
            # While nothing happens the server still says that it is there.
            assert time.monotonic() < end, "no event in 240 s"
            line = self.answer.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if not line and "data" in fields:
                return fields.get("id"), fields.get("event"), json.loads(fields["data"])
            if not line:
                fields = {}
                continue
            name, _, value = line.partition(": ")
            fields[name] = value

    def close(self):
        self.answer.close()
        self.connection.close()


class FakeHost(Server):
    def __init__(self, cameras="hall,yard", log=None, expect=True, **values):
        values.setdefault("listen", "127.0.0.1:0")
        self.token = values.get("token")
        arguments = [os.environ["FAKE_HOST"], os.environ["WEB_MODULE"], log or os.path.join(work, "none.db"), cameras]
        arguments += [f"{name.replace('_', '-')}={value}" for name, value in values.items()]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.said = []
        threading.Thread(target=self.read, daemon=True).start()
        if expect:
            self.port = int(re.search(r":(\d+)/$", self.wait_line("the page is at")).group(1))

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_line(self, words):
        while True:
            line = self.lines.get(timeout=120)
            assert line is not None, f"it ended without a word of '{words}': {self.said}"
            self.said.append(line)
            if words in line:
                return line

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def log(self):
        """What is told from now on is in the log, too."""
        self.tell("log on")

    def flush(self):
        self.tell("log flush")
        self.wait_line("flushed")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def viewers(self, camera):
        self.tell(f"viewers {camera}")
        return int(self.wait_line("viewers ").split()[1])

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(120)
        assert status == 0, f"exit status {status}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.process.kill()
            self.process.wait()
        else:
            self.close()


class Watch(Server):
    """bitmar watch with these lines behind its [watch]."""

    def __init__(self, *lines, name="cameras"):
        self.folder = os.path.join(work, name)
        os.makedirs(self.folder, exist_ok=True)
        self.config = os.path.join(self.folder, "cameras.conf")
        with open(self.config, "w") as file:
            file.write("\n".join(["[watch]", f"folder = {self.folder}/state", *lines]) + "\n")
        self.start()

    def start(self):
        self.errors = open(os.path.join(self.folder, "err"), "w+")
        self.process = subprocess.Popen([os.environ["BITMAR"], "watch", self.config], stdout=subprocess.DEVNULL, stderr=self.errors)
        self.port = int(until(self.find_port))

    def said(self):
        with open(self.errors.name) as file:
            return file.read()

    def find_port(self):
        assert self.process.poll() is None, self.said()
        found = re.search(r"the page is at http://[^ ]*:(\d+)/", self.said())
        return found and found.group(1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(120)
        assert status == 0, (status, self.said())


def make_log(path, *events):
    """events: (camera, seconds, text)"""
    subprocess.run([os.environ["MAKE_LOG"], path, *[str(word) for event in events for word in event]], check=True)


def make_clip(path):
    """Four seconds that change every second, as tests/pipelines/common.sh has them."""
    def piece(pattern):
        return ["videotestsrc", "num-buffers=15", f"pattern={pattern}", "!", "video/x-raw,width=160,height=120,framerate=15/1", "!", "c."]
    subprocess.run(["gst-launch-1.0", "-q", "concat", "name=c", "!", "video/x-raw,width=160,height=120,framerate=15/1", "!", "videoconvert", "!", "jpegenc", "!",
                    "matroskamux", "!", "filesink", f"location={path}", *piece("smpte"), *piece("ball"), *piece("snow"), *piece("white")], check=True)
