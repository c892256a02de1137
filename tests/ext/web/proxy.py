# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A proxy that has the page below a path: what comes is handed on as it comes, and what is asked for elsewhere is remembered and not there."""

import http.client
import http.server
import threading

KEPT = ("Host", "Origin", "Cookie", "Referer", "Accept", "Content-Type", "Last-Event-ID", "Sec-Fetch-Site", "Sec-Fetch-Mode")
GIVEN = ("Content-Type", "Location", "Set-Cookie", "Content-Security-Policy", "X-Content-Type-Options", "Content-Length")


class Proxy:
    def __init__(self, server, path):
        self.strays = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do(self):
                if not self.path.startswith(path):
                    proxy.strays.append(self.path)
                    self.send_error(404)
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
                asked.request(self.command, self.path[len(path) - 1:], body, {name: self.headers[name] for name in KEPT if self.headers[name]})
                self.hand_on(asked.getresponse())
                asked.close()

            def hand_on(self, answer):
                self.send_response(answer.status)
                for name in GIVEN:
                    if answer.headers[name]:
                        self.send_header(name, answer.headers[name])
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    while piece := answer.read1(65536):
                        self.wfile.write(piece)
                        self.wfile.flush()
                except (OSError, http.client.HTTPException):
                    pass
                self.close_connection = True

            do_GET = do_HEAD = do_POST = do

            def log_message(self, *rest):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}{path}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
