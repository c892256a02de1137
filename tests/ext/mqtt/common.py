# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A broker of our own, one that listens to it, and `feed`, which stands in for `bitmar watch`.

Environment: FEED and MQTT_MODULE; mosquitto and mosquitto_sub on the path."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = int(os.environ.get("PATIENCE", 60))  # seconds, for what takes one
work = tempfile.mkdtemp(prefix="bitmar-mqtt-")
path = os.environ["PATH"] = os.environ["PATH"] + ":/usr/sbin:/sbin"
results = []
begun = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def start(*args, **kwargs):
    process = subprocess.Popen(args, **kwargs)
    begun.append(process)
    return process


class Broker:
    """mosquitto. keeps: what it has acknowledged outlives stop()."""

    def __init__(self, *lines, port=None, listener=(), keeps=False):
        self.port = port or free_port()
        self.folder = tempfile.mkdtemp(dir=work)
        self.config = os.path.join(self.folder, "conf")
        with open(self.config, "w") as f:
            keep = ("persistence true", f"persistence_location {self.folder}/") if keeps else ()
            # Root would become another user, who may not write there.
            user = ("user root",) if os.geteuid() == 0 else ()
            print(f"listener {self.port} 127.0.0.1", *listener, *keep, *user, "max_queued_messages 0", *lines, sep="\n", file=f)
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "log"), "a") as log:
            self.process = start("mosquitto", "-c", self.config, stdout=log, stderr=log)
        until(lambda: answers(self.port), "a broker")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """With all that it has acknowledged and not delivered written down, which kill() does not wait for."""
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0


class Listener:
    """What mosquitto_sub is told: (topic, retained, payload)."""

    def __init__(self, port, topic="#", qos=1, *args):
        self.messages, self.lock = [], threading.Lock()
        self.process = start("mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-i", f"listener{id(self)}", "-c", "-q", str(qos), "-t", topic,
                             "-F", "%t\t%r\t%q\t%p", *args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            topic, retained, qos, payload = line.rstrip("\n").split("\t", 3)
            with self.lock:
                self.messages.append((topic, retained == "1", int(qos), payload))

    def of(self, topic):
        with self.lock:
            return [m[3] for m in self.messages if m[0] == topic]

    def texts(self, topic):
        """What captions say, each id once."""
        seen, texts = set(), []
        for payload in self.of(topic):
            message = json.loads(payload)
            if message["id"] not in seen:
                seen.add(message["id"])
                texts.append(message["text"])
        return texts

    def stop(self):
        self.process.kill()
        self.process.wait()


def listens(listener, port):
    """Until what is published comes to it."""
    def came():
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", "probe", "-m", str(n)], stderr=subprocess.DEVNULL)
        time.sleep(0.1)
        return str(n) in listener.of("probe")
    n = time.monotonic_ns()
    until(came, "a listener")


class Feed:
    def __init__(self, broker, *keys, cameras="door,yard", folder=None):
        self.folder = folder or tempfile.mkdtemp(dir=work)
        address = f"broker=mqtt://127.0.0.1:{broker}" if isinstance(broker, int) else f"broker={broker}"
        self.errors = os.path.join(self.folder, "errors")
        with open(self.errors, "a") as errors:
            self.process = start(os.environ["FEED"], os.environ["MQTT_MODULE"], os.path.join(self.folder, "events.db"), cameras, address, *keys,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1)
        self.opened = self.process.stdout.readline() == "open\n"

    def tell(self, *lines):
        """Returns when it was taken."""
        for line in lines:
            self.process.stdin.write(line + "\n")
            answer = self.process.stdout.readline()
            assert answer.endswith("done\n"), answer
        return answer[:-5]

    def complaints(self):
        with open(self.errors) as f:
            return f.read()

    def complains(self, text):
        until(lambda: text in self.complaints(), lambda: f"a complaint of '{text}' in:\n{self.complaints()}")

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


class Relay:
    """Between bitmar and a broker, so that the test says when there is one. answer=False: takes connections, and says nothing."""

    def __init__(self, to, answer=True):
        self.to, self.answer, self.open, self.sockets = to, answer, True, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.server.accept()
            self.sockets.append(client)
            if not self.answer:
                continue
            try:
                if not self.open:
                    raise OSError
                broker = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                client.close()
                continue
            self.sockets.append(broker)
            for a, b in ((client, broker), (broker, client)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def shut(self):
        self.open = False
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test(name):
    def add(function):
        results.append((name, function))
        return function
    return add


def main():
    if not all(shutil.which(name) for name in ("mosquitto", "mosquitto_sub", "mosquitto_pub", "openssl")):
        print("1..0 # SKIP mosquitto, mosquitto-clients and openssl are needed")
        return
    failed = 0
    for n, (name, function) in enumerate(results, 1):
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        try:
            note = function()
            print(f"ok {n} - {name}" + (f" # {note}" if note else ""), flush=True)
        except Exception as error:
            import traceback
            failed += 1
            print(f"not ok {n} - {name}\n# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
        for process in begun:
            if process.poll() is None:
                process.kill()
                process.wait()
        begun.clear()
    print(f"1..{len(results)}")
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(failed > 0)
