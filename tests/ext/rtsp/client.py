# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An RTSP client that is not GStreamer: RTP over the connection (RFC 2326, 10.12) or by UDP, with digest authentication and TLS."""
import hashlib
import re
import select
import socket
import ssl
import struct
import time


class Refused(Exception):
    def __init__(self, status):
        super().__init__("status %d" % status)
        self.status = status


class Client:
    def __init__(self, address, user=None, password=None, authority=None, room=None):
        """authority: a PEM file whose certificate the server must have, of rtsps; room: bytes that wait to be read, at most."""
        scheme, host, port = re.match(r"(rtsps?)://([^:/]+):(\d+)/", address).groups()
        self.address, self.user, self.password = address, user, password
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(60)
        self.socket.connect((host, int(port)))
        if scheme == "rtsps":
            self.socket = ssl.create_default_context(cafile=authority).wrap_socket(self.socket, server_hostname=host)
        self.data, self.sequence, self.session, self.challenge = b"", 0, None, None
        self.packets, self.marked = [], {}     # (channel, bytes); channel → packets with a marker
        self.ended = False

    def close(self):
        self.socket.close()

    def _authorization(self, method, url):
        if not self.challenge or not self.user:
            return ""
        realm, nonce = (re.search(name + '="([^"]*)"', self.challenge).group(1) for name in ("realm", "nonce"))
        md5 = lambda *parts: hashlib.md5(":".join(parts).encode()).hexdigest()
        response = md5(md5(self.user, realm, self.password), nonce, md5(method, url))
        return 'Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"\r\n' % (
            self.user, realm, nonce, url, response)

    def _fill(self, timeout):
        # What TLS has decrypted is no news to select().
        pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        if not pending and not select.select([self.socket], [], [], timeout)[0]:
            return False
        try:
            more = self.socket.recv(65536)
        except ConnectionError:
            more = b""
        self.ended = self.ended or not more
        self.data += more
        return bool(more)

    def _packet(self):
        """Takes an interleaved packet off the front; False: there is none that is whole."""
        if self.data[:1] != b"$" or len(self.data) < 4:
            return False
        channel, size = struct.unpack(">BH", self.data[1:4])
        if len(self.data) < 4 + size:
            return False
        self.packets.append((channel, self.data[4:4 + size]))
        self.marked[channel] = self.marked.get(channel, 0) + (self.data[5] >> 7)
        self.data = self.data[4 + size:]
        return True

    def _reply(self):
        until = time.monotonic() + 60
        while True:
            while self._packet():
                pass
            if self.data[:4] == b"RTSP" and b"\r\n\r\n" in self.data:
                break
            if self.ended or time.monotonic() > until:
                raise ConnectionError("hung up" if self.ended else "no answer")
            self._fill(1)
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields.setdefault(name.lower(), value.strip())
        size = int(fields.get("content-length", 0))
        while len(self.data) < size and self._fill(30):
            pass
        body, self.data = self.data[:size].decode(), self.data[size:]
        return int(lines[0].split()[1]), fields, body

    def ask(self, method, url=None, **fields):
        url = url or self.address
        for _ in range(2):
            self.sequence += 1
            text = "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s" % (method, url, self.sequence, self._authorization(method, url))
            text += "".join("%s: %s\r\n" % pair for pair in fields.items())
            if self.session:
                text += "Session: %s\r\n" % self.session
            self.socket.sendall((text + "\r\n").encode())
            status, got, body = self._reply()
            if status != 401 or self.challenge or not self.user:
                break
            self.challenge = got["www-authenticate"]
        if status != 200:
            raise Refused(status)
        self.session = self.session or got.get("session", "").split(";")[0] or None
        return got, body

    def describe(self):
        """Returns the SDP; self.controls are the addresses of its media."""
        got, sdp = self.ask("DESCRIBE", Accept="application/sdp")
        base = got.get("content-base", self.address + "/")
        self.controls = [control if control.startswith("rtsp") else base + control
                         for control in re.findall(r"^m=.*?^a=control:(\S+)", sdp, re.S | re.M)]
        return sdp

    def play(self):
        """Returns the SDP; the media in it have the RTP channels 0, 2, …, and their RTCP the ones after."""
        sdp = self.describe()
        for i, url in enumerate(self.controls):
            self.ask("SETUP", url, Transport="RTP/AVP/TCP;unicast;interleaved=%d-%d" % (2 * i, 2 * i + 1))
        self.ask("PLAY", Range="npt=0-")
        return sdp

    def read(self, until, seconds=120):
        """Reads packets until `until` (called now and then) is true. False: it took too long, or the server has hung up."""
        end = time.monotonic() + seconds
        while not until():
            if self.ended or time.monotonic() > end:
                return until()
            pause = time.monotonic() + 0.05
            while time.monotonic() < pause and not self.ended:
                self._fill(0.05)
                while self._packet():
                    pass
        return True


class Rtp:
    def __init__(self, data):
        first, second, self.sequence, self.time, self.source = struct.unpack(">BBHII", data[:12])
        assert first >> 6 == 2, "RTP version"
        self.marker, self.type = bool(second & 0x80), second & 0x7f
        self.payload = data[12 + 4 * (first & 15):]
        self.size = len(data)


def rtp(client, channel):
    return [Rtp(data) for c, data in client.packets if c == channel]


def documents(client, channel):
    """[(payload, packets, RTP time)] of the whole ones; asserts that no packet is missing and that each has its marker."""
    found, parts, last = [], [], None
    for packet in rtp(client, channel):
        assert last is None or packet.sequence == (last + 1) & 0xffff, "a packet is missing"
        last = packet.sequence
        assert not parts or packet.time == parts[0].time, "a document of two times"
        parts.append(packet)
        if packet.marker:
            found.append((b"".join(p.payload for p in parts), len(parts), packet.time))
            parts = []
    return found


def unix_time(client, channel, rtp_time):
    """By the last sender report (RFC 3550, 6.4.1), seconds since 1970; None: none has come."""
    report = None
    for c, data in client.packets:
        if c == channel + 1 and len(data) >= 20 and data[1] == 200:
            report = struct.unpack(">III", data[8:20])
    if not report:
        return None
    behind = (rtp_time - report[2] + 2 ** 31) % 2 ** 32 - 2 ** 31
    return report[0] - 2208988800 + report[1] / 2 ** 32 + behind / 90000
