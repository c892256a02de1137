#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The engine from Python, without GStreamer: what engine.c does.

    engine.py EVENTS.db SENTENCE PICTURE.ppm…
"""
import re
import sys

import gi

gi.require_version("Bitmar", "1.0")
from gi.repository import Bitmar, GLib

SECOND = 1_000_000_000


def read_picture(path):
    """Binary PPM: a head, then RGB. The picture holds the pixels."""
    with open(path, "rb") as file:
        data = file.read()
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not head:
        raise ValueError(f"{path} is no PPM picture of 8 bits")
    width, height = map(int, head.groups())
    return Bitmar.Image.new(Bitmar.Format.RGB, width, height, GLib.Bytes.new(data[head.end():]), None, None)


class Camera:
    """All that belongs to one camera; used by one thread at a time. Any number of them share a model."""

    def __init__(self, model, log):
        self.encoder = Bitmar.Encoder.new(model)
        self.episode = Bitmar.Episode.new(model)
        self.memory = Bitmar.Memory.new(model, 0, -2)
        self.captioner = Bitmar.Captioner.new(model)
        self.log = Bitmar.EventLog.open(log, model, Bitmar.EventLogMode.WRITE)

    def look(self, image, time_ns):
        self.encoder.encode(image, self.episode)
        self.memory.observe(self.episode, time_ns)
        _, caption = self.captioner.caption(self.episode, None)
        self.keep(caption)
        return caption

    def keep(self, caption):
        """What was said of it goes back into the memory, where it is not too long for that, and into the log."""
        try:
            self.episode.set_caption(caption.get_text())
            self.memory.tell(self.episode)
        except GLib.Error as error:
            if not error.matches(Bitmar.error_quark(), Bitmar.Error.TOO_LONG):
                raise
        event = Bitmar.Event.new(self.episode, "yard", caption.get_text(), None, None)
        event.confidence = caption.confidence
        self.log.append(event)


def run(log, sentence, pictures):
    camera = Camera(Bitmar.Model.load(Bitmar.Model.default_path()), log)
    for i, path in enumerate(pictures):
        caption = camera.look(read_picture(path), i * SECOND)
        print(f"{path}: {caption.confidence:.2f} sure, {camera.episode.get_novelty():.2f} new: {caption.get_text()}")
    for event in camera.log.query_text(sentence, 3, 0, -1, None):
        print(f"found {event.score:.2f}: {event.camera}: {event.text}")
    camera.log.close()


def main():
    if len(sys.argv) < 4:
        sys.exit("engine.py: EVENTS.db SENTENCE PICTURE.ppm…")
    try:
        run(sys.argv[1], sys.argv[2], sys.argv[3:])
    except GLib.Error as error:
        # error.domain, error.code: what failed, for programs.
        if error.matches(Bitmar.error_quark(), Bitmar.Error.MODULE):
            sys.exit(f"engine.py: no event log here: {error.message}")
        sys.exit(f"engine.py: {error.message}")
    except (OSError, ValueError) as error:
        sys.exit(f"engine.py: {error}")


main()
