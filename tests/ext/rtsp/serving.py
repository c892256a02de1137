# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-serve.py tests with: `bitmar serve`, cameras, clips and what is told of them. Environment: BITMAR, DEMO_CAMERAS and what they need."""
import concurrent.futures
import datetime
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import xml.etree.ElementTree as E

from client import Client, Refused, documents

SCHEMA = "{http://www.onvif.org/ver10/schema}"
BASE = "{http://docs.oasis-open.org/wsn/b-2}"
SECRET = "bread and butter"
work = tempfile.mkdtemp(prefix="bitmar-serve-")
discard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)       # whose port is nobody else's
discard.bind(("127.0.0.1", 0))
local, making = threading.local(), threading.Lock()


def note(text):
    local.notes.append(text)


class Server:
    """bitmar serve at a free port; self.addresses are those it prints."""

    def __init__(self, *words):
        sources = sum("=" in word and not word.startswith("-") for word in words)
        self.process = subprocess.Popen([os.environ["BITMAR"], "serve", "--port", "0", "--min-confidence", "0", *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.log = []
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        self.addresses = [self.process.stdout.readline().strip() for _ in range(sources)]

    def says(self, text, seconds=90):
        end = time.monotonic() + seconds
        while not any(text in line for line in list(self.log)):
            assert time.monotonic() < end and self.process.poll() is None, "it does not say %r but %r" % (text, self.log)
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        note("exit status %d; %s" % (status, " | ".join(line.strip() for line in self.log)))
        if not failure:
            assert status == 0, "SIGTERM ends it with 0"
            assert not any("CRITICAL" in line or "WARNING" in line for line in self.log), self.log


def clip(name, frames=8, rate=4, encoder="jpegenc", pattern="ball", size="width=320,height=240"):
    path = os.path.join(work, name)
    with making:
        make_clip(path, frames, rate, encoder, pattern, size)
    return path


def make_clip(path, frames, rate, encoder, pattern, size):
    if not os.path.exists(path):
        line = ("videotestsrc num-buffers=%d pattern=%s ! video/x-raw,format=I420,%s,framerate=%d/1 ! %s ! matroskamux ! filesink location=%s.part"
                % (frames, pattern, size, rate, encoder, path))
        subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True, timeout=120, stderr=subprocess.DEVNULL)
        os.rename(path + ".part", path)


def secret_file():
    path = os.path.join(work, "secret")
    with making, open(path, "w") as file:
        file.write(SECRET + "\n")
    return path


def connect(address, *user, seconds=90, **more):
    """Asks until there is something."""
    end = time.monotonic() + seconds
    while True:
        client = Client(address, *user, **more)
        try:
            client.sdp = client.play()
            return client
        except Refused as refused:
            client.close()
            if refused.status != 503 or time.monotonic() > end:
                raise
            time.sleep(0.1)


def refusal(address, *user):
    """The status with which it is refused."""
    client = Client(address, *user)
    try:
        client.play()
    except Refused as refused:
        return refused.status
    finally:
        client.close()
    return 200


def events(document):
    """(topic, message) of each; parsing fails where it is not well-formed."""
    root = E.fromstring(document)
    assert root.tag == SCHEMA + "MetadataStream", root.tag
    return [(e.find(".//" + BASE + "Topic").text, e.find(".//" + SCHEMA + "Message")) for e in root.findall(SCHEMA + "Event")]


def items(message, part):
    return {i.get("Name"): i.get("Value") for i in message.find(SCHEMA + part)}


def utc_of(message):
    text = message.get("UtcTime")
    assert len(text) == 24 and text.endswith("Z"), text
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00").timestamp()


def told(client, topic, operation=None):
    return [m for data, _, _ in documents(client, 2) for t, m in events(data)
            if t.endswith(":" + topic) and operation in (None, m.get("PropertyOperation"))]


def frames(client):
    return client.marked.get(0, 0)


def go_on(client, count=4):
    n = frames(client)
    assert client.read(lambda: frames(client) >= n + count), "the video goes on (%d frames)" % frames(client)


class Camera:
    """pipelines/demo-cameras, which can die; where it is asked stays the same."""

    def __init__(self):
        self.listener, self.process, self.open = socket.create_server(("127.0.0.1", 0)), None, []
        threading.Thread(target=self._accept, daemon=True).start()
        # By TCP its end is known at once.
        self.address = "rtspt://127.0.0.1:%d/1" % self.listener.getsockname()[1]

    def start(self):
        self.process = subprocess.Popen([os.environ["DEMO_CAMERAS"], "0", "-"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split(":")[2].split("/")[0])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process:
            self.kill()

    def _accept(self):
        while True:
            ours, _ = self.listener.accept()
            try:
                theirs = socket.create_connection(("127.0.0.1", self.port if self.process else 1))
            except OSError:
                ours.close()
                continue
            for pair in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    @staticmethod
    def _pass(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def certificate():
    """For 127.0.0.1, with its key beside it."""
    path = os.path.join(work, "certificate.pem")
    with making:
        if not os.path.exists(path):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                            "/CN=bitmar", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", os.path.join(work, "key.pem"), "-out", path],
                           check=True, capture_output=True, timeout=60)
    return path


def run_one(name, function):
    """What is printed of it. Most of its time a test waits, so that several run at once."""
    begun, local.notes = time.monotonic(), []
    try:
        function()
        failure = ""
    except Exception:
        failure = traceback.format_exc()
    text = "".join("# %s\n" % line for line in local.notes + failure.splitlines())
    return not failure, "%s - %s\n%s# %.1f s" % ("%d", name.replace("%", "%%"), text.replace("%", "%%"), time.monotonic() - begun)


def run_all(tests):
    """tests: (name, function). Arguments: those whose functions' names have one of these in them."""
    missing = [tool for tool in ("openssl", "gst-launch-1.0", "gst-inspect-1.0") if not shutil.which(tool)]
    missing = missing or [element for element in ("jpegenc", "openh264enc", "h264parse", "rtpbin") if subprocess.call(["gst-inspect-1.0", "--exists", element])]
    if missing:
        print("1..0 # SKIP no %s" % missing[0])
        sys.exit(0)
    chosen = [t for t in tests if len(sys.argv) < 2 or any(word in t[1].__name__ for word in sys.argv[1:])]
    print("1..%d" % len(chosen))
    failed = False
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for number, (good, text) in enumerate(pool.map(lambda t: run_one(*t), chosen), 1):
            print(("ok " if good else "not ok ") + text % number, flush=True)
            failed = failed or not good
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(failed)
