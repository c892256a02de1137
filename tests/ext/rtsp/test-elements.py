#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bitmaronvif and rtpbitmaronvifpay: hostile captions become XML that a parser reads, and documents become packets."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree as E

from client import Rtp

work = tempfile.mkdtemp(prefix="bitmar-onvif-")
SCHEMA = "{http://www.onvif.org/ver10/schema}"
TEXTS = ["plain", "<a href=\"x\">&amp;'\"]]></a>", "line\nand\ttab\rreturn", "nul\u0001 bell\u0007 esc\u001b del\u007f", "noncharacters \ufffe\uffff end",
         "--> <!-- --> <?xml version='1.0'?>", "&#0; &lol; %s%n", "\U0001f6b2 \u202e \u2028 é", "", "]]>" * 2000]


def allowed(text):
    """What XML 1.0 can hold, production 2."""
    return "".join(c for c in text if c in "\t\n\r" or "\u0020" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000")


def write_json(texts, **more):
    path = os.path.join(work, "captions.json")
    with open(path, "w") as file:
        for i, text in enumerate(texts, 1):
            file.write(json.dumps(dict({"version": 1, "stream": text[:100], "id": i, "utc": "2026-11-26T04:48:22.789+02:00", "pts": i * 10 ** 9,
                                        "running_time": i * 10 ** 9, "text": text, "confidence": 0.5, "novelty": 0.25, "slot": 1,
                                        "fallback": i == 1, "repeat": False, "model": "c4a3"}, **more)) + "\n")
    return path


def launch(*words):
    done = subprocess.run(["gst-launch-1.0", "-q", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def to_documents(path):
    launch("filesrc", "location=" + path, "blocksize=1000000", "!", "application/x-json", "!", "bitmaronvif", "!", "multifilesink",
           "location=%s/%%05d.xml" % work, "next-file=buffer")
    return sorted(os.path.join(work, name) for name in os.listdir(work) if name.endswith(".xml"))


def hostile():
    files = to_documents(write_json(TEXTS))
    assert len(files) == len(TEXTS), files
    for i, (path, text) in enumerate(zip(files, TEXTS), 1):
        root = E.parse(path).getroot()
        assert root.tag == SCHEMA + "MetadataStream" and len(root) == 1, root
        message = root.find(".//" + SCHEMA + "Message")
        assert message.get("UtcTime") == "2026-11-26T02:48:22.789Z", message.attrib
        data = {item.get("Name"): item.get("Value") for item in message.find(SCHEMA + "Data")}
        assert data["Text"] == allowed(text), (data["Text"], text)
        assert message.find(SCHEMA + "Source")[0].get("Value") == allowed(text[:100])
        assert (data["Id"], data["Confidence"], data["Novelty"], data["Fallback"]) == (str(i), "0.5000", "0.2500", str(i == 1).lower()), data


def no_time():
    """A frame whose time is not known gets one, and what is none is not handed on."""
    for utc in (None, "yesterday", "2026-11-26", 7):
        for path in to_documents(write_json(["x"], utc=utc)):
            message = E.parse(path).getroot().find(".//" + SCHEMA + "Message")
            assert message.get("UtcTime").endswith("Z") and len(message.get("UtcTime")) == 24, message.attrib


def packets():
    """Through a socket: no packet is longer than the MTU, the marker is on the last one of a document, and together they are the documents."""
    expected = [open(path, "rb").read() for path in to_documents(write_json(TEXTS))]
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(10)
    launch("filesrc", "location=" + os.path.join(work, "captions.json"), "blocksize=1000000", "!", "application/x-json", "!", "bitmaronvif", "!",
           "rtpbitmaronvifpay", "mtu=300", "pt=107", "!", "udpsink", "host=127.0.0.1", "port=%d" % receiver.getsockname()[1], "sync=false")
    found, parts, most, last = [], [], 0, None
    while len(found) < len(expected):
        packet = Rtp(receiver.recv(2000))
        assert packet.size <= 300 and packet.type == 107 and (last is None or packet.sequence == (last + 1) & 0xffff)
        assert not parts or packet.time == parts[0].time, "one time"
        last = packet.sequence
        parts.append(packet)
        if packet.marker:
            found.append(b"".join(p.payload for p in parts))
            most = max(most, len(parts))
            parts = []
    print("# up to %d packets a document" % most)
    assert found == expected and most > 20
    receiver.setblocking(False)
    try:
        receiver.recv(1)
        raise AssertionError("there is more")
    except BlockingIOError:
        pass


def caps():
    done = subprocess.run(["gst-launch-1.0", "-v", "filesrc", "location=" + write_json(["x"]), "!", "application/x-json", "!", "bitmaronvif", "!",
                           "rtpbitmaronvifpay", "!", "fakesink"], capture_output=True, text=True, timeout=60)
    for part in ("media=(string)application", "clock-rate=(int)90000", "encoding-name=(string)VND.ONVIF.METADATA",
                 "application/x-onvif-metadata, parsed=(boolean)true"):
        assert part in done.stdout, (part, done.stdout)


def no_caption():
    """What is no caption is told and left out; what follows is not."""
    path = os.path.join(work, "captions.json")
    with open(path, "w") as file:
        file.write('{"id":1\n[]\n{"text":7}\n\n{"id":2,"text":"good"}\n')
    for old in os.listdir(work):
        if old.endswith(".xml"):
            os.remove(os.path.join(work, old))
    done = subprocess.run(["gst-launch-1.0", "filesrc", "location=" + path, "!", "application/x-json", "!", "bitmaronvif", "!", "multifilesink",
                           "location=%s/%%05d.xml" % work, "next-file=buffer"], capture_output=True, text=True, timeout=60)
    assert (done.stdout + done.stderr).count("What came is no caption in JSON.") == 3, done.stdout + done.stderr
    files = [name for name in os.listdir(work) if name.endswith(".xml")]
    assert len(files) == 1 and 'Value="good"' in open(os.path.join(work, files[0])).read()


TESTS = (("hostile captions are well-formed XML, and themselves again", hostile), ("a time is UTC, or made up of the clock's", no_time),
         ("documents are split at the MTU and marked at their end", packets), ("caps", caps), ("what is no caption is told", no_caption))
if __name__ == "__main__":
    failed = False
    print("1..%d" % len(TESTS))
    for number, (name, test) in enumerate(TESTS, 1):
        try:
            test()
            print("ok %d - %s" % (number, name))
        except Exception:
            failed = True
            print("not ok %d - %s" % (number, name))
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="")
    subprocess.run(["rm", "-rf", work])
    sys.exit(failed)
