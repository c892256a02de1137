#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libbitmar from Python: what is held is freed, what is borrowed is copied, what fails says why.

    bindings.py --list | NAME      in an empty folder; BITMAR_TEST_FILES, BITMAR_MODEL
"""
import gc
import os
import resource
import sys
import threading

import gi

gi.require_version("Bitmar", "1.0")
from gi.repository import Bitmar, GLib

FILES = os.environ["BITMAR_TEST_FILES"]


def model(name="tiny.gguf"):
    return Bitmar.Model.load(os.path.join(FILES, name))


def pixels(width, height, n=0):
    return GLib.Bytes.new(bytes((x * (7 + n) + y * 3 + n * 40) & 255 for y in range(height) for x in range(width * 3)))


def image(n=0):
    return Bitmar.Image.new(Bitmar.Format.RGB, 64, 48, pixels(64, 48, n), None, None)


def look(m, n=0):
    episode = Bitmar.Episode.new(m)
    assert Bitmar.Encoder.new(m).encode(image(n), episode)
    return episode


def refused(code, call, *args):
    try:
        call(*args)
    except GLib.Error as error:
        assert error.domain == "bitmar-error-quark" and error.matches(Bitmar.error_quark(), code), error
        return error.message
    raise AssertionError("done")


def errors_have_domain_and_code():
    assert "/nowhere" in refused(Bitmar.Error.OPEN, Bitmar.Model.load, "/nowhere/model")
    refused(Bitmar.Error.FORMAT, Bitmar.Model.load, __file__)
    m, other = model(), model("tiny-early.gguf")
    refused(Bitmar.Error.MISMATCH, Bitmar.Encoder.new(m).encode, image(), Bitmar.Episode.new(other))
    refused(Bitmar.Error.MISMATCH, look(m).assign, look(other))
    refused(Bitmar.Error.TOO_LONG, m.embed_text, "dog " * 1000)
    refused(Bitmar.Error.PARAMETER, Bitmar.Memory.new, m, 70000, -2)
    assert "line 1, column" in refused(Bitmar.Error.PARAMETER, Bitmar.Alerts.check_rules, "no rule")


def nothing_is_made_without_a_constructor():
    for kind in (Bitmar.Model, Bitmar.Episode, Bitmar.Encoder, Bitmar.Memory, Bitmar.Captioner, Bitmar.EventLog, Bitmar.Alerts):
        try:
            kind()
        except TypeError:
            continue
        raise AssertionError(kind)


def the_model_tells_of_itself():
    m = model()
    assert len(m.get_id()) == 64 and m.get_name() and m.get_size() > 0 and m.get_parameters() > 0
    assert "general.architecture" in m.list_metadata() and m.dup_metadata("general.architecture") == "bitmar"
    assert m.dup_metadata("none") is None
    assert Bitmar.Model.default_path() == os.environ["BITMAR_MODEL"]
    assert model().get_id() == m.get_id()


def vectors_are_lists_of_floats():
    m = model()
    episode = look(m)
    for x in (episode.get_key(), m.embed_text("a dog")):
        assert len(x) == m.get_memory_width() and abs(sum(v * v for v in x) - 1) < 1e-3
    assert episode.get_recalled() == [0.0] * len(x) and len(episode.get_content()) == len(x)


def pictures_hold_their_pixels():
    m = model()
    encoder, a, b = Bitmar.Encoder.new(m), Bitmar.Episode.new(m), Bitmar.Episode.new(m)
    held = image().copy()
    gc.collect()
    encoder.encode(held, a)
    # The same in rows that are longer, and from a place in the middle.
    rows = pixels(64, 48).get_data()
    padded = b"?" * 100 + b"".join(rows[y * 192:(y + 1) * 192] + b"pad" for y in range(48))
    encoder.encode(Bitmar.Image.new(Bitmar.Format.RGB, 64, 48, GLib.Bytes.new(padded), [100], [195]), b)
    assert a.get_key() == b.get_key()
    # Upside down, twice.
    turned = b"".join(rows[y * 192:(y + 1) * 192] for y in reversed(range(48)))
    encoder.encode(Bitmar.Image.new(Bitmar.Format.RGB, 64, 48, GLib.Bytes.new(turned), [47 * 192], [-192]), b)
    assert a.get_key() == b.get_key()


def pictures_outside_of_their_bytes_are_refused():
    data = pixels(64, 48)
    for form, width, height, offsets, strides in (
            (Bitmar.Format.RGB, 64, 49, None, None), (Bitmar.Format.RGB, 0, 48, None, None), (Bitmar.Format.RGB, 16385, 1, None, None),
            (Bitmar.Format.RGB, 64, 48, [1], None), (Bitmar.Format.RGB, 64, 48, [0], [-192]), (Bitmar.Format.RGB, 64, 48, None, [191]),
            (Bitmar.Format.RGB, 64, 2, None, [2**31 - 1]), (Bitmar.Format.RGB, 64, 2, [2**64 - 1], None), (Bitmar.Format.NV12, 64, 48, [0], None),
            (Bitmar.Format.NV12, 64, 48, [0, 9000], None), (Bitmar.Format.Y444, 64, 49, None, None)):
        refused(Bitmar.Error.IMAGE, Bitmar.Image.new, form, width, height, data, offsets, strides)
    m = model()
    refused(Bitmar.Error.IMAGE, Bitmar.Encoder.new(m).encode, Bitmar.Image(), Bitmar.Episode.new(m))


def captions_outlive_their_captioner():
    m = model()
    done, caption = Bitmar.Captioner.new(m).caption(look(m), None)
    gc.collect()
    assert done and 0 <= caption.confidence <= 1 and caption.tokens == len(caption.get_ids()) > 0
    assert caption.get_text() == caption.copy().get_text()
    params = Bitmar.CaptionParams()
    assert params.length_penalty == -1
    assert params.repetition_penalty == 0
    params.max_tokens = 2
    assert Bitmar.Captioner.new(m).caption(look(m), params)[1].tokens <= 2
    params.beam_size = 9
    refused(Bitmar.Error.PARAMETER, Bitmar.Captioner.new(m).caption, look(m), params)


def several_streams_at_once():
    m = model()
    looks = [look(m, n) for n in range(3)]
    alone = [Bitmar.Captioner.new(m).caption(episode, None)[1].get_text() for episode in looks]
    captions = [Bitmar.Caption.new() for _ in looks]
    assert Bitmar.Captioner.caption_many([Bitmar.Captioner.new(m) for _ in looks], looks, None, captions)
    assert [caption.get_text() for caption in captions] == alone


def threads_share_a_model():
    m = model()
    want = Bitmar.Captioner.new(m).caption(look(m), None)[1].get_text()
    got = []
    threads = [threading.Thread(target=lambda: got.append(Bitmar.Captioner.new(m).caption(look(m), None)[1].get_text())) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == [want] * 8


def cancelled():
    m = model()
    captioner = Bitmar.Captioner.new(m)
    captioner.cancel()
    refused(Bitmar.Error.CANCELLED, captioner.caption, look(m), None)
    captioner.uncancel()
    assert captioner.caption(look(m), None)[0]


def a_memory_is_queried_saved_and_loaded():
    m = model()
    memory, again = Bitmar.Memory.new(m, 8, -2), Bitmar.Memory.new(m, 8, -2)
    first, second = look(m), look(m)
    memory.observe(first, 1)
    memory.observe(second, 2)
    assert first.get_novelty() == 1 and second.get_novelty() < 0.01 and second.get_slot() == first.get_slot() == 0
    second.set_caption("a dog")
    assert memory.tell(second) and any(second.get_key())
    memory.save("a.memory")
    again.load("a.memory")
    assert again.get_used() == memory.get_used() == 1 and again.get_slots() == 8
    assert again.to_bytes().get_data() == memory.to_bytes().get_data()
    Bitmar.Memory.write_bytes(memory.to_bytes(), "b.memory")
    refused(Bitmar.Error.MISMATCH, Bitmar.Memory.new(model("tiny-early.gguf"), 8, -2).load, "b.memory")
    refused(Bitmar.Error.OPEN, again.load, "none.memory")
    assert memory.forget(0, 10) == 1 and memory.get_used() == 0


def episodes_travel_as_bytes():
    m = model()
    a, b = look(m), Bitmar.Episode.new(m)
    b.set_bytes(a.to_bytes())
    assert b.get_key() == a.get_key()
    refused(Bitmar.Error.FORMAT, b.set_bytes, GLib.Bytes.new(b"nothing"))


def alerts_call_back():
    m = model()
    alerts = Bitmar.Alerts.new(m, "a: a dog above 0.0001 below 0.0001")
    told = []
    alerts.observe(look(m), 10, told.append)
    assert alerts.get_state(0)[1].active
    alerts.finish(told.append)
    rule = alerts.get_rule(0)
    assert alerts.get_rule(1) is None and alerts.get_state(1)[0] is False
    del alerts
    gc.collect()
    assert [(e.kind, e.name, e.sentence, e.time_ns) for e in told] == [
        (Bitmar.AlertKind.START, "a", "a dog", 10), (Bitmar.AlertKind.END, "a", "a dog", 10)]
    assert rule.sentence == "a dog"


def a_log_is_written_and_searched():
    m = model()
    log = Bitmar.EventLog.open("events.db", m, Bitmar.EventLogMode.WRITE)
    for i in range(5):
        event = Bitmar.Event.new(look(m, i), "yard" if i % 2 else "door", f"text {i}", None, GLib.Bytes.new(b"jpeg"))
        event.utc = 1000 * i
        log.append(event)
    assert log.flush() and log.get_counts().written == 5 and log.get_info()[1].events == 5 and log.get_error() is None
    found = log.query(look(m, 3).get_key(), 5, 0, -1, None)
    best = found[0]
    assert len(found) == 5 and best.score >= found[1].score >= found[4].score
    assert 3000 in [e.utc for e in found if e.score == best.score]
    assert {e.camera for e in log.query_text("a dog", 5, 0, 3000, "yard")} == {"yard"}
    del found
    log.close()
    gc.collect()
    assert best.text.startswith("text ") and best.thumbnail.get_data() == b"jpeg"
    refused(Bitmar.Error.OPEN, log.flush)


def a_log_of(path, m, n):
    """n events, a second apart, the oldest first."""
    log = Bitmar.EventLog.open(path, m, Bitmar.EventLogMode.WRITE)
    for i in range(n):
        event = Bitmar.Event.new(look(m, i), "yard" if i % 2 else "door", f"text {i}", None, GLib.Bytes.new(b"jpeg"))
        event.utc = 1000000000 * i
        log.append(event)
    assert log.flush()
    return log


def a_log_gives_the_newest_where_nothing_is_asked_for():
    log = a_log_of("newest.db", model(), 5)
    assert [e.text for e in log.query(None, 3, 0, -1, None)] == ["text 4", "text 3", "text 2"]
    assert [e.text for e in log.query(None, 9, 0, 3000000000, "door")] == ["text 2", "text 0"]
    assert log.query(None, 9, 0, -1, "nobody") == []
    refused(Bitmar.Error.PARAMETER, log.query, None, 0, 0, -1, None)


def a_log_gives_an_event_by_its_id():
    log = a_log_of("by-id.db", model(), 3)
    found = log.query(None, 1, 0, -1, "yard")[0]
    event = log.get_event(found.id)
    assert (event.id, event.text, event.camera, event.utc) == (found.id, "text 1", "yard", 1000000000)
    assert event.thumbnail.get_data() == b"jpeg"
    assert "no event 4711" in refused(Bitmar.Error.PARAMETER, log.get_event, 4711)
    refused(Bitmar.Error.PARAMETER, log.get_event, -1)
    # What was handed out is the caller's, and what is forgotten is not there any more.
    assert log.forget(0, -1, "yard")[1] == 1
    refused(Bitmar.Error.PARAMETER, log.get_event, found.id)
    log.close()
    del log, found
    gc.collect()
    assert event.text == "text 1" and event.thumbnail.get_data() == b"jpeg"


def a_log_refuses_what_is_not_its():
    m, other = model(), model("tiny-early.gguf")
    log = Bitmar.EventLog.open("other.db", m, Bitmar.EventLogMode.WRITE)
    refused(Bitmar.Error.MISMATCH, log.append, Bitmar.Event.new(look(other), None, "text", None, None))
    refused(Bitmar.Error.PARAMETER, log.append, Bitmar.Event.new(Bitmar.Episode.new(m), None, "text", None, None))
    refused(Bitmar.Error.PARAMETER, log.query, [1.0], 5, 0, -1, None)
    refused(Bitmar.Error.PARAMETER, log.query, look(m).get_key(), 0, 0, -1, None)
    calls = []
    log.set_error_func(lambda *args: calls.append(args))
    log.set_error_func(None)
    log.close()
    refused(Bitmar.Error.MISMATCH, Bitmar.EventLog.open, "other.db", other, Bitmar.EventLogMode.READ_ONLY)


def nothing_is_leaked():
    """What a round leaves is less than a tenth of what it makes."""
    m = model()
    captioner, memory = Bitmar.Captioner.new(m), Bitmar.Memory.new(m, 64, -2)

    def rounds(n):
        for _ in range(n):
            big = Bitmar.Image.new(Bitmar.Format.RGB, 640, 480, GLib.Bytes.new(bytes(640 * 480 * 3)), None, None)
            episode = Bitmar.Episode.new(m)
            Bitmar.Encoder.new(m).encode(big.copy(), episode)
            captioner.caption(episode, Bitmar.CaptionParams())
            memory.observe(episode, 1)
            memory.to_bytes()
            Bitmar.Event.new(episode, "c", "t" * 10000, None, None)
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = rounds(30)
    grown = (rounds(200) - before) * 1024
    assert grown < 20 * 640 * 480 * 3, f"{grown} bytes"


if __name__ == "__main__":
    tests = {name: f for name, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__"
             and name not in ("model", "pixels", "image", "look", "a_log_of", "refused")}
    if sys.argv[1] == "--list":
        print("\n".join(tests))
    else:
        tests[sys.argv[1]]()
