#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The elements in a pipeline from Python: captions and alerts by the bus, a clean end by ^C.

    captions.py URI [ALERT-RULES]
"""
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

PIPELINE = "uridecodebin name=source ! videoconvert ! bitmarencode ! bitmarmemory name=memory stream-id=yard ! bitmarcaption ! fakesink"


class Captions:
    def __init__(self, uri, alerts):
        self.failed = False
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch_full(PIPELINE, None, Gst.ParseFlags.FATAL_ERRORS)
        self.pipeline.get_by_name("source").set_property("uri", uri)
        self.pipeline.get_by_name("memory").set_property("alerts", alerts)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::element", self.on_element)
        bus.connect("message::error", self.on_error)
        bus.connect("message::eos", lambda bus, message: self.loop.quit())
        # The last caption is written, files are finished, then EOS comes by the bus.
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, self.on_interrupt)

    def on_element(self, bus, message):
        s = message.get_structure()
        if s.get_name() == "bitmar-caption":
            at = s.get_value("running-time") / Gst.SECOND
            print(f"{s.get_value('stream')} {at:.1f} s: {s.get_value('confidence'):.2f} sure: {s.get_value('text')}", flush=True)
        elif s.get_name() == "bitmar-alert":
            print(f"{s.get_value('stream')}: {s.get_value('name')}: {s.get_value('kind')}", flush=True)

    def on_error(self, bus, message):
        error, _ = message.parse_error()
        print(f"captions.py: {message.src.get_name()}: {error.message}", file=sys.stderr)
        self.failed = True
        self.loop.quit()

    def on_interrupt(self):
        self.pipeline.send_event(Gst.Event.new_eos())
        return GLib.SOURCE_CONTINUE

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        return 1 if self.failed else 0


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("captions.py: URI [ALERT-RULES]")
    Gst.init(None)
    try:
        captions = Captions(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    except GLib.Error as error:
        sys.exit(f"captions.py: {error.message}")
    sys.exit(captions.run())


main()
