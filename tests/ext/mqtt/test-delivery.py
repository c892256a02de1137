#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is delivered, and that nothing promised is lost."""
import json
import os
import subprocess
import tempfile
import time

from common import Broker, Feed, Listener, PATIENCE, Relay, free_port, listens, main, test, until, work


def numbers(first, last):
    return [str(n) for n in range(first, last + 1)]


@test("captions, alerts and states are on their topics")
def topics():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(broker.port)
    feed.tell("state door watching", "caption door a man with a dog", "alert yard start fire", "alert yard end fire")
    until(lambda: len(listener.of("bitmar/yard/alert")) == 2, "alerts")
    until(lambda: listener.of("bitmar/door/caption"), "a caption")
    caption = json.loads(listener.of("bitmar/door/caption")[0])
    assert caption.pop("id")
    assert caption == {"version": 1, "type": "caption", "camera": "door", "time": "now", "text": "a man with a dog"}, caption
    assert [json.loads(m)["kind"] for m in listener.of("bitmar/yard/alert")] == ["start", "end"]
    until(lambda: listener.of("bitmar/door/state"), "a state")
    assert json.loads(listener.of("bitmar/door/state")[0])["state"] == "watching"
    ids = [json.loads(m[3])["id"] for m in listener.messages if m[0].endswith(("caption", "alert"))]
    assert len(set(ids)) == 3, ids
    assert all(m[2] == 1 for m in listener.messages if m[0].startswith("bitmar/")), listener.messages
    feed.close()
    until(lambda: listener.of("bitmar/status") == ["online", "offline"], f"online, offline: {listener.of('bitmar/status')}")


@test("states, status and what alerts are active are retained, captions are not")
def retained():
    broker = Broker("allow_anonymous true")
    first = Listener(broker.port)
    listens(first, broker.port)
    feed = Feed(broker.port, "topic=home/cams")
    feed.tell("state door connecting", "state door watching", "caption door a cat", "alert door start fire", "alert door start smoke", "alert door end fire")
    until(lambda: len(first.of("home/cams/door/alert")) == 3, "alerts")
    late = Listener(broker.port)
    until(lambda: late.of("home/cams/door/alerts") and late.of("home/cams/status") and late.of("home/cams/door/state"), "what is retained")
    assert json.loads(late.of("home/cams/door/state")[-1])["state"] == "watching"
    until(lambda: json.loads(late.of("home/cams/door/alerts")[-1])["active"] == ["smoke"], "one active alert")
    assert late.of("home/cams/status") == ["online"] and not late.of("home/cams/door/caption")
    feed.close()


@test("states are not retained with retain = no")
def not_retained():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(broker.port, "retain=no")
    feed.tell("state door watching")
    until(lambda: listener.of("bitmar/door/state"), "a state")
    late = Listener(broker.port)
    until(lambda: late.of("bitmar/status"), "what is retained")
    assert not late.of("bitmar/door/state")
    feed.close()


def over_restart(qos):
    broker = Broker("allow_anonymous true", keeps=True)
    relay = Relay(broker.port)
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(relay.port, f"qos={qos}")
    for n in range(1, 601):
        feed.tell(f"caption {'door' if n % 2 else 'yard'} {n}")
        if n in (150, 400):
            # To us it is as if it were killed; what it has acknowledged it may not lose, or the test would be one of mosquitto.
            relay.shut()
            broker.stop()
        if n in (250, 500):
            broker.start()
            listens(listener, broker.port)
            relay.open = True
    until(lambda: len(listener.texts("bitmar/door/caption")) + len(listener.texts("bitmar/yard/caption")) >= 600, "all captions")
    assert listener.texts("bitmar/door/caption") == numbers(1, 600)[::2] and listener.texts("bitmar/yard/caption") == numbers(1, 600)[1::2]
    feed.close()
    came = len(listener.of("bitmar/door/caption")) + len(listener.of("bitmar/yard/caption"))
    assert "1 messages could" not in feed.complaints()
    return f"600 events, {came - 600} twice"


@test("a broker that is cut off and comes back twice: every event, in order")
def restarts():
    return over_restart(1)


@test("the same with QoS 2")
def restarts_exactly():
    return over_restart(2)


@test("a connection that is cut again and again: every event, in order; with QoS 2 exactly once")
def cuts():
    broker = Broker("allow_anonymous true")
    relay = Relay(broker.port)
    listener = Listener(broker.port, "#", 2)
    listens(listener, broker.port)
    feed = Feed(relay.port, "qos=2")
    for n in range(1, 301):
        feed.tell(f"caption door {n}")
        if n % 100 == 0:
            until(lambda: listener.of("bitmar/door/caption"), "a caption")
            relay.shut()
            relay.open = True
    until(lambda: len(listener.texts("bitmar/door/caption")) >= 300, "all captions")
    came = [json.loads(m)["text"] for m in listener.of("bitmar/door/caption")]
    assert came == numbers(1, 300), came
    feed.close()


@test("killed while the broker is away: what was taken comes after the next start, with the same ids")
def killed():
    port = free_port()
    feed = Feed(port)
    feed.tell("many 500 door", "alert door start fire", "sleep 500")
    feed.kill()
    feed = Feed(port, folder=feed.folder)
    feed.tell("caption door 501", "sleep 500")
    feed.kill()
    broker = Broker("allow_anonymous true", port=port)
    listener = Listener(port)
    listens(listener, port)
    feed = Feed(port, folder=feed.folder)
    until(lambda: len(listener.texts("bitmar/door/caption")) >= 501, "all captions")
    assert listener.texts("bitmar/door/caption") == numbers(1, 501)
    until(lambda: listener.of("bitmar/door/alert"), "an alert")
    feed.close()
    again = Feed(port, folder=feed.folder)
    again.tell("caption door last")
    until(lambda: "last" in listener.texts("bitmar/door/caption"), "the last")
    assert len(listener.of("bitmar/door/caption")) == 502, "what was delivered is not sent again"
    again.close()


@test("killed at any time while it sends: nothing is lost")
def killed_sending():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    folder = tempfile.mkdtemp(dir=work)
    for run in range(8):
        feed = Feed(broker.port, folder=folder)
        for n in range(1, 41):
            feed.tell(f"caption door {run * 40 + n}")
        # What was taken is written by the time that the thread runs: that, not the sending, is waited for.
        time.sleep(0.3 if run % 2 else 0.15)
        feed.kill()
    feed = Feed(broker.port, folder=folder)
    missing = lambda: sorted(set(range(1, 321)) - set(map(int, listener.texts("bitmar/door/caption"))))
    until(lambda: not missing(), lambda: f"all captions; missing: {missing()}")
    assert sorted(map(int, listener.texts("bitmar/door/caption"))) == list(range(1, 321))
    feed.close()
    return f"{len(listener.of('bitmar/door/caption')) - 320} twice"


def out_of_reach():
    """A broker that a feed can't reach until relay.open, and somebody who listens there already: to start it only then would be a race of who is first."""
    broker = Broker("allow_anonymous true")
    relay, listener = Relay(broker.port), Listener(broker.port)
    listens(listener, broker.port)
    relay.shut()
    return broker, relay, listener


@test("the queue is bounded: the oldest captions go first, alerts last; how many is told")
def bounded():
    _, relay, listener = out_of_reach()
    feed = Feed(relay.port, "queue=100 kB")
    feed.tell("alert door start fire", "many 5000 door", "alert door end fire", "sleep 300")
    feed.complains("the queue is full (100000 bytes): the oldest captions are dropped")
    assert "alerts are dropped" not in feed.complaints()
    memory = os.path.getsize(os.path.join(feed.folder, "mqtt.queue"))
    assert memory < 1_000_000, memory
    relay.open = True
    until(lambda: listener.texts("bitmar/door/caption")[-1:] == ["5000"], "the newest caption")
    until(lambda: len(listener.of("bitmar/door/alert")) == 2, "both alerts")
    texts = listener.texts("bitmar/door/caption")
    assert texts == numbers(5001 - len(texts), 5000) and 100 < len(texts) < 1000, len(texts)
    until(lambda: listener.of("bitmar/queue"), "the status message")
    told = json.loads(listener.of("bitmar/queue")[-1])
    assert told["dropped-captions"] == 5000 - len(texts) and told["dropped-alerts"] == 0, told
    feed.complains(f"{5000 - len(texts)} captions and 0 alerts were dropped")
    feed.close()
    return f"{len(texts)} of 5000 kept"


@test("alerts go when there is nothing else, and the counts survive a kill")
def alerts_last():
    port = free_port()
    feed = Feed(port, "queue=70 kB")
    feed.tell(*(f"alert door {'start' if n % 2 else 'end'} fire" for n in range(1000)))
    feed.tell("caption door no room", "sleep 300")
    feed.complains("the oldest alerts are dropped")
    feed.kill()
    Broker("allow_anonymous true", port=port)
    listener = Listener(port)
    listens(listener, port)
    feed = Feed(port, folder=feed.folder)
    until(lambda: listener.of("bitmar/queue"), "the status message")
    feed.tell("alert door end last")
    until(lambda: any('"last"' in m for m in listener.of("bitmar/door/alert")), "the last alert")
    told = json.loads(listener.of("bitmar/queue")[-1])
    ids = {json.loads(m)["id"] for m in listener.of("bitmar/door/alert")}
    assert told["dropped-alerts"] == 1001 - len(ids) and told["dropped-captions"] == 1, (told, len(ids))
    feed.close()


@test("without a file the queue outlives the broker, not the process, and what is lost is told")
def no_file():
    broker, relay, listener = out_of_reach()
    feed = Feed(relay.port, "queue-file=none")
    feed.tell("many 30 door", "sleep 3000")
    relay.open = True
    until(lambda: listener.texts("bitmar/door/caption") == numbers(1, 30), "what waited")
    broker.kill()
    feed.tell("many 30 yard")
    feed.close()
    feed.complains("30 messages could not be delivered and are lost")
    assert os.listdir(feed.folder) == ["errors"]


@test("the last will, after kill -9")
def last_will():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(broker.port)
    until(lambda: listener.of("bitmar/status") == ["online"], "online")
    feed.kill()
    until(lambda: listener.of("bitmar/status") == ["online", "offline"], "offline")
    late = Listener(broker.port)
    until(lambda: late.of("bitmar/status") == ["offline"], "offline, retained")


@test("what ends at once is delivered before it does")
def at_once():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(broker.port)
    feed.tell("many 1000 door")
    feed.close()
    until(lambda: len(listener.texts("bitmar/door/caption")) == 1000, "all captions")
    assert not feed.complaints(), feed.complaints()
    assert os.path.getsize(os.path.join(feed.folder, "mqtt.queue")) < 600_000


@test("QoS 0 is sent, too")
def qos_0():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(broker.port, "qos=0")
    feed.tell("many 200 door")
    until(lambda: listener.texts("bitmar/door/caption") == numbers(1, 200), "all captions")
    broker.kill()
    broker.start()
    listens(listener, broker.port)
    feed.complains("connected")
    feed.tell("caption door again")
    until(lambda: "again" in listener.texts("bitmar/door/caption"), "on after a restart")
    feed.close()


@test("bitmar watch, with what is printed the same as what is published")
def watch():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    clip, config = os.path.join(work, "clip.mkv"), os.path.join(work, "cameras.conf")
    subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=60", "pattern=ball", "!", "video/x-raw,width=160,height=120,framerate=15/1", "!",
                    "jpegenc", "!", "matroskamux", "!", "filesink", f"location={clip}"], check=True)
    with open(config, "w") as f:
        print("[watch]", "folder = state", "[camera a]", f"source = {clip}", "min-confidence = 0",
              "alerts = any: a man above 0.001 below 0.0005 cooldown 0s", "[mqtt]", f"broker = mqtt://127.0.0.1:{broker.port}", sep="\n", file=f)
    run = subprocess.run([os.environ["BITMAR"], "watch", "--json", "--quiet", config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         timeout=PATIENCE)
    assert run.returncode == 0 and not run.stderr, run.stderr
    printed = [line for line in run.stdout.splitlines() if '"type":"state"' not in line]
    until(lambda: len(listener.of("bitmar/a/caption") + listener.of("bitmar/a/alert")) == len(printed), "all that was printed")
    published = []
    for topic, _, _, payload in list(listener.messages):
        if topic in ("bitmar/a/caption", "bitmar/a/alert"):
            message = json.loads(payload)
            del message["id"]
            published.append(message)
    assert published == [json.loads(line) for line in printed], (published, printed)
    until(lambda: listener.of("bitmar/a/state"), "a state")
    assert json.loads(listener.of("bitmar/a/state")[-1])["state"] == "ended"


main()
