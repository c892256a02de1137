#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Brokers that refuse, TLS, and mistakes in the file: told in words, once, and nothing else is harmed."""
import os
import socket
import subprocess
import time

from common import Broker, Feed, Listener, Relay, answers, free_port, listens, main, test, until, work


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
            "-subj", f"/CN={name}")


def make_certificate(name, ca, names, days=2):
    with open(os.path.join(work, f"{name}.ext"), "w") as f:
        f.write(f"subjectAltName={names}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", str(days), "-extfile", f"{name}.ext",
            "-out", f"{name}.pem")


def file(name):
    return os.path.join(work, name)


def make_all():
    if os.path.exists(file("client.pem")):
        return
    for ca in ("right", "wrong"):
        make_ca(ca)
    make_certificate("server", "right", "IP:127.0.0.1")
    make_certificate("elsewhere", "right", "DNS:elsewhere.example")
    make_certificate("client", "right", "DNS:client")
    make_certificate("stranger", "wrong", "DNS:client")
    # mosquitto reads them as another user.
    os.chmod(work, 0o755)
    for name in os.listdir(work):
        if name.endswith((".key", ".pem")):
            os.chmod(file(name), 0o644)


def tls_broker(certificate="server", *more):
    """And its other listener, for the test, without TLS."""
    make_all()
    plain = free_port()
    broker = Broker(f"listener {plain} 127.0.0.1", "allow_anonymous true",
                    listener=(f"cafile {file('right.pem')}", f"certfile {file(certificate + '.pem')}", f"keyfile {file(certificate + '.key')}", *more))
    until(lambda: answers(plain), "its other listener")
    return broker, plain


@test("TLS with the CA that vouches for the broker")
def tls():
    broker, plain = tls_broker()
    listener = Listener(plain)
    listens(listener, plain)
    feed = Feed(f"mqtts://127.0.0.1:{broker.port}", f"ca={file('right.pem')}")
    feed.tell("many 100 door")
    until(lambda: len(listener.texts("bitmar/door/caption")) == 100, f"captions: {feed.complaints()}")
    broker.kill()
    broker.start()
    listens(listener, plain)
    feed.tell("caption door back")
    until(lambda: "back" in listener.texts("bitmar/door/caption"), "a caption after a restart")
    feed.close()


def refused(words, *keys, address="mqtts://127.0.0.1:{}", broker=None, port=None):
    port = port or broker.port
    feed = Feed(address.format(port), *keys)
    feed.tell("caption door x")
    feed.complains(words)
    # More tries add nothing (but a second reason, where it's chance whether a broker's last word comes through); and the end is not held up.
    time.sleep(1.5)
    told = feed.complaints().splitlines()
    assert len(told) == len(set(told)) <= 2, told
    begin = time.monotonic()
    feed.close()
    assert "1 messages wait in" in feed.complaints()
    return f"closed after {time.monotonic() - begin:.1f} s"


@test("a broker whose certificate another CA signed is refused")
def wrong_ca():
    broker, plain = tls_broker()
    listener = Listener(plain)
    listens(listener, plain)
    refused(f"the broker's certificate is not vouched for by {file('wrong.pem')}, or has expired", f"ca={file('wrong.pem')}", broker=broker)
    refused("the broker's certificate is not vouched for by a CA that this machine knows", broker=broker)
    assert not listener.of("bitmar/status"), "nothing was told to it"


@test("a broker whose certificate is of another name is refused")
def wrong_name():
    broker, plain = tls_broker("elsewhere")
    refused("the broker's certificate is of another name than 127.0.0.1", f"ca={file('right.pem')}", broker=broker)


@test("a broker without TLS where TLS is expected, and the other way round")
def tls_or_not():
    broker, plain = tls_broker()
    refused("there is no TLS on this port", f"ca={file('right.pem')}", port=plain)
    refused("the broker closed the connection", address="mqtt://127.0.0.1:{}", broker=broker)


@test("client certificates: the right one is let in, none and a stranger's are not")
def client_certificate():
    broker, plain = tls_broker("server", "require_certificate true")
    listener = Listener(plain)
    listens(listener, plain)
    ca = f"ca={file('right.pem')}"
    refused("wants a 'certificate' and a 'key'", ca, broker=broker)
    refused(f"doesn't accept the certificate {file('stranger.pem')}", ca, f"certificate={file('stranger.pem')}", f"key={file('stranger.key')}",
            broker=broker)
    refused("don't belong together", ca, f"certificate={file('client.pem')}", f"key={file('stranger.key')}", broker=broker)
    feed = Feed(f"mqtts://127.0.0.1:{broker.port}", ca, f"certificate={file('client.pem')}", f"key={file('client.key')}")
    feed.tell("caption door hello")
    until(lambda: listener.texts("bitmar/door/caption") == ["hello"], f"a caption: {feed.complaints()}")
    feed.close()


@test("a key with a password is refused, and nobody is asked")
def encrypted_key():
    make_all()
    openssl("ec", "-in", "client.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key")
    os.chmod(file("locked.key"), 0o644)
    broker, plain = tls_broker()
    refused(f"{file('locked.key')} holds no key that can be used without a password", f"ca={file('right.pem')}", f"certificate={file('client.pem')}",
            f"key={file('locked.key')}", broker=broker)


def with_password():
    passwords = file("passwords")
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "bitmar", "secret"], check=True)
    os.chmod(passwords, 0o644)
    return Broker("allow_anonymous false", f"password_file {passwords}")


@test("a wrong password is told, and one that is put right in its file is taken without a restart")
def password():
    broker = with_password()
    refused("the broker lets nobody in without 'user' and 'password'", address="mqtt://127.0.0.1:{}", broker=broker)
    refused("the broker refuses user 'bitmar': wrong name or password, or not allowed", "user=bitmar", "password=wrong", address="mqtt://127.0.0.1:{}",
            broker=broker)
    with open(file("secret"), "w") as f:
        f.write("wrong\n")
    feed = Feed(broker.port, "user=bitmar", f"password-file={file('secret')}")
    feed.tell("caption door hello")
    feed.complains("the broker refuses user 'bitmar'")
    with open(file("secret"), "w") as f:
        f.write("secret\n")
    feed.complains("connected; 1 messages that waited are sent")
    assert "secret" not in feed.complaints() and "wrong\n" not in feed.complaints()
    feed.close()


@test("a port that is closed, a host that is not known")
def nobody():
    refused("Connection refused", address="mqtt://127.0.0.1:{}", port=free_port())
    refused("the host is not known", address="mqtt://bitmar.invalid:{}", port=1883)


@test("a broker that never answers, with TLS and without, is told and holds nothing up")
def silent():
    make_all()
    relay = Relay(0, answer=False)
    for address, keys in (("mqtt", ()), ("mqtts", (f"ca={file('right.pem')}",))):
        feed = Feed(f"{address}://127.0.0.1:{relay.port}", *keys)
        feed.tell("many 20000 door")
        longest = int(feed.tell("slowest"))
        assert longest < 1000, longest
        feed.complains("the broker doesn't answer")
        with open(f"/proc/{feed.process.pid}/stat") as f:
            ticks = sum(map(int, f.read().split()[13:15]))
        time.sleep(2)
        with open(f"/proc/{feed.process.pid}/stat") as f:
            used = sum(map(int, f.read().split()[13:15])) - ticks
        assert used < 100, f"{used} ticks of 200: it spins"
        begin = time.monotonic()
        feed.close()
        assert time.monotonic() - begin < 30
    return f"the longest event() took {longest} ms"


@test("what answers but is no broker")
def no_broker():
    server = socket.create_server(("127.0.0.1", 0))
    feed = Feed(server.getsockname()[1])
    feed.tell("caption door x")
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + 400 * b"-")
    feed.complains("what answers is no MQTT broker")
    feed.close()


@test("a broker that takes messages and acknowledges none is left, and they go to one that does")
def stalled():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    relay = Relay(broker.port)
    feed = Feed(relay.port)
    feed.tell("caption door first")
    until(lambda: listener.texts("bitmar/door/caption") == ["first"], "a caption")
    os.kill(broker.process.pid, 19)
    feed.tell("many 50 door")
    feed.complains("the broker acknowledges nothing")
    os.kill(broker.process.pid, 18)
    until(lambda: len(listener.texts("bitmar/door/caption")) == 51, "all captions")
    feed.close()


@test("a queue file that is no queue, is in use, or can't be made is told, and stays as it is")
def foreign_file():
    foreign = file("foreign")
    with open(foreign, "w") as f:
        f.write("somebody's diary\n" * 10)
    before = os.stat(foreign)
    feed = Feed(1, f"queue-file={foreign}")
    assert not feed.opened and feed.process.wait() == 3 and f"{foreign} is no queue of bitmar" in feed.complaints()
    assert os.stat(foreign).st_mtime_ns == before.st_mtime_ns and open(foreign).read() == "somebody's diary\n" * 10
    first = Feed(1, f"queue-file={file('queue')}")
    second = Feed(1, f"queue-file={file('queue')}")
    assert not second.opened and second.process.wait() == 3 and "is used by another process" in second.complaints()
    nowhere = Feed(1, f"queue-file={foreign}/queue")
    assert not nowhere.opened and f"{foreign}/queue: Not a directory" in nowhere.complaints()
    first.close()


mistakes = [
    ("", ":4: [mqtt]: its 'broker' is missing"),
    ("broker = 10.0.0.2", ":5: [mqtt]: broker: it must be mqtt://HOST"),
    ("broker = http://10.0.0.2", ":5: [mqtt]: broker: 'http://10.0.0.2' is neither mqtt://HOST nor mqtts://HOST"),
    ("broker = mqtt://u:p@10.0.0.2", ":5: [mqtt]: broker: 'user' and 'password' are keys of their own"),
    ("broker = mqtt://10.0.0.2/topic", ":5: [mqtt]: broker: 'mqtt://10.0.0.2/topic' has more than a host and a port"),
    ("broker = mqtt://10.0.0.2:99999", ":5: [mqtt]: broker: "),
    ("broker = mqtt://a\nqos = 3", ":6: [mqtt]: qos: '3' is not 0, 1 or 2"),
    ("broker = mqtt://a\nretain = perhaps", ":6: [mqtt]: retain: 'perhaps' is neither yes nor no"),
    ("broker = mqtt://a\ntopic = cams/#", ":6: [mqtt]: topic: 'cams/#' is no topic"),
    ("broker = mqtt://a\ntopic = /cams", ":6: [mqtt]: topic: '/cams' is no topic"),
    ("broker = mqtt://a\nqueue = 5", ":6: [mqtt]: queue: '5' is no size from 66 kB to 1 GB"),
    ("broker = mqtt://a\nqueue = 1 kB", ":6: [mqtt]: queue: '1 kB' is no size"),
    ("broker = mqtt://a\nqueue-file = here", ":6: [mqtt]: queue-file: 'here' is no absolute path"),
    ("broker = mqtt://a\nca = /etc/passwd", ":6: [mqtt]: ca: without mqtts:// nothing is encrypted"),
    ("broker = mqtts://a\nca = /nonexistent", ":6: [mqtt]: ca: /nonexistent can't be read"),
    ("broker = mqtts://a\ncertificate = /etc/passwd", ":6: [mqtt]: certificate: 'certificate' and 'key' belong together"),
    ("broker = mqtt://a\npassword = x", ":6: [mqtt]: password: it needs a 'user'"),
    ("broker = mqtt://a\nuser = x\npassword = x\npassword-file = /etc/passwd", ":8: [mqtt]: password-file: there is a 'password', too"),
    ("broker = mqtt://a\nusr = x", ":6: [mqtt]: there is no key 'usr' here; the keys are broker, user, password,"),
]


@test("mistakes in the file are told with line and key")
def config():
    for lines, words in mistakes:
        path = file("cameras.conf")
        with open(path, "w") as f:
            f.write(f"[camera a]\nsource = clip.mkv\n# \n[mqtt]\n{lines}\n")
        run = subprocess.run([os.environ["BITMAR"], "watch", "--check", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert run.returncode == 2 and path + words in run.stderr, (lines, words, run.returncode, run.stderr)
    return f"{len(mistakes)} mistakes"


@test("a broker that refuses harms no camera")
def cameras_go_on():
    clip, path = file("clip.mkv"), file("cameras.conf")
    subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=30", "!", "video/x-raw,width=160,height=120,framerate=15/1", "!", "jpegenc", "!",
                    "matroskamux", "!", "filesink", f"location={clip}"], check=True)
    with open(path, "w") as f:
        f.write(f"[watch]\nfolder = state\n[camera a]\nsource = {clip}\nmin-confidence = 0\n[mqtt]\nbroker = mqtt://127.0.0.1:{free_port()}\n")
    run = subprocess.run([os.environ["BITMAR"], "watch", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 0 and "  a  " in run.stdout, (run.returncode, run.stdout)
    assert run.stderr.count("[mqtt]: 127.0.0.1") == 1 and "Connection refused" in run.stderr and "wait in" in run.stderr, run.stderr


main()
