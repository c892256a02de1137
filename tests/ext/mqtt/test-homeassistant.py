#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Home Assistant is told: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery. And what docs/mqtt.md says."""
import json
import os
import re
import subprocess

from common import Broker, Feed, Listener, listens, main, test, until, work

# What a sensor and a binary sensor may have, as documented, of what we might use.
KEYS = {"name", "unique_id", "state_topic", "value_template", "json_attributes_topic", "availability_topic", "payload_available", "payload_not_available",
        "device_class", "entity_category", "icon", "qos", "device", "origin", "payload_on", "payload_off"}
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version", "via_device"}


def state_of(config, payload):
    """What the templates that we use make of a payload."""
    value = json.loads(payload)
    template = config["value_template"]
    if template == "{{ value_json.text[:255] }}":
        return value["text"][:255]
    if template == "{{ 'ON' if value_json.active else 'OFF' }}":
        return "ON" if value["active"] else "OFF"
    if template == "{{ 'ON' if value_json.state == 'watching' else 'OFF' }}":
        return "ON" if value["state"] == "watching" else "OFF"
    rule = re.fullmatch(r"\{\{ 'ON' if '([\w-]+)' in value_json.active else 'OFF' \}\}", template)
    return "ON" if rule[1] in value["active"] else "OFF"


def configs_of(listener, prefix="homeassistant"):
    with listener.lock:
        return {topic: json.loads(payload) for topic, _, _, payload in listener.messages if topic.startswith(prefix + "/")}


def check_config(topic, config):
    parts = re.fullmatch(r"homeassistant/(sensor|binary_sensor)/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)/config", topic)
    assert parts, topic
    assert set(config) <= KEYS and set(config["device"]) <= DEVICE, config
    assert config["unique_id"] and config["name"] and config["device"]["identifiers"] and config["origin"]["name"], config
    assert config["availability_topic"] == "bitmar/status" and config["qos"] == 1
    assert config["device"]["identifiers"] == [parts[2]] and config["unique_id"] == f"{parts[2]}__{parts[3]}"
    return parts[1]


@test("three entities a camera, retained, and one for each rule that had an alert")
def discovery():
    broker = Broker("allow_anonymous true")
    feed = Feed(broker.port, "homeassistant=yes", cameras="door.1,door_1")
    feed.tell("state door.1 watching", "caption door.1 " + 300 * "x", "alert door.1 start smoke_2", "alert door_1 start fire", "alert door_1 end fire")
    listener = Listener(broker.port)
    until(lambda: len(configs_of(listener)) == 8, lambda: f"eight entities: {list(configs_of(listener))}")
    configs = configs_of(listener)
    kinds = [check_config(topic, config) for topic, config in configs.items()]
    assert kinds.count("sensor") == 2 and kinds.count("binary_sensor") == 6
    assert len({c["unique_id"] for c in configs.values()}) == 8 and len({c["device"]["identifiers"][0] for c in configs.values()}) == 2
    assert {c["device"]["name"] for c in configs.values()} == {"door.1", "door_1"}
    late = Listener(broker.port)
    until(lambda: len(configs_of(late)) == 8, "all of them, retained")
    by_name = {(c["device"]["name"], c["name"]): c for c in configs.values()}
    until(lambda: listener.of("bitmar/door.1/state") and listener.of("bitmar/door_1/alerts"), "states")
    feed.tell("caption door.1 " + 300 * "y")
    until(lambda: listener.of("bitmar/door.1/caption"), "a caption")

    def now(camera, name):
        config = by_name[camera, name]
        return state_of(config, listener.of(config["state_topic"])[-1])
    until(lambda: now("door.1", "smoke_2") == "ON", "an alert")
    assert now("door.1", "Alert") == "ON" and now("door.1", "Watched") == "ON" and now("door.1", "Caption")[:5] in ("xxxxx", "yyyyy")
    assert len(now("door.1", "Caption")) == 255
    until(lambda: now("door_1", "fire") == "OFF" and now("door_1", "Alert") == "OFF", "no alert")
    feed.kill()
    # What was up when it was killed is not up for ever.
    until(lambda: listener.of("bitmar/status")[-1] == "offline", "offline")
    again = Feed(broker.port, "homeassistant=yes", cameras="door.1,door_1")
    until(lambda: now("door.1", "smoke_2") == "OFF" and listener.of("bitmar/status")[-1] == "online", "nothing is up")
    again.close()


@test("two prefixes at one broker are two devices; another discovery prefix")
def prefixes():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    first = Feed(broker.port, "homeassistant=yes", "topic=home/a", cameras="door")
    second = Feed(broker.port, "homeassistant=yes", "topic=home/b", "homeassistant-topic=ha/test", cameras="door")
    until(lambda: len(configs_of(listener)) == 3 and len(configs_of(listener, "ha/test")) == 3, "six entities")
    configs = [*configs_of(listener).values(), *configs_of(listener, "ha/test").values()]
    assert len({c["unique_id"] for c in configs}) == 6
    assert {c["availability_topic"] for c in configs} == {"home/a/status", "home/b/status"}
    first.close()
    second.close()


@test("without homeassistant = yes nothing is told to it")
def off():
    broker = Broker("allow_anonymous true")
    listener = Listener(broker.port)
    listens(listener, broker.port)
    feed = Feed(broker.port)
    feed.tell("alert door start fire")
    until(lambda: listener.of("bitmar/door/alert"), "an alert")
    feed.close()
    assert not configs_of(listener)


def blocks():
    """What is indented by four in the manual, each as a text."""
    with open(os.environ["MQTT_MANUAL"]) as f:
        text = f.read()
    return ["\n".join(line[4:] for line in block.splitlines()) for block in re.findall(r"(?:^    .*\n)+", text, re.M)]


@test("the manual's examples of the file can be read")
def manual_files():
    found = 0
    for name in ("ca.pem", "client.pem", "client.key", "password"):
        open(os.path.join(work, name), "w").close()
    for block in blocks():
        if not block.startswith("[mqtt]"):
            continue
        found += 1
        path = os.path.join(work, "manual.conf")
        with open(path, "w") as f:
            f.write("[camera a]\nsource = clip.mkv\n" + block.replace("/etc/bitmar", work) + "\n")
        run = subprocess.run([os.environ["BITMAR"], "watch", "--check", path], stderr=subprocess.PIPE, text=True)
        assert run.returncode == 0, run.stderr
    assert found >= 2, found


@test("the manual's commands do what it says")
def manual_commands():
    commands = [line for block in blocks() for line in block.splitlines() if line.startswith("mosquitto_")]
    assert len(commands) >= 2 and sum(c.startswith("mosquitto_sub") for c in commands) >= 1, commands
    broker = Broker("allow_anonymous true")
    feed = Feed(broker.port, "homeassistant=yes", cameras="front-door")
    feed.tell("state front-door watching", "caption front-door a dog")
    listener = Listener(broker.port)
    until(lambda: len(configs_of(listener)) == 3 and listener.of("bitmar/front-door/state"), "entities")
    for command in commands:
        command = command.replace("10.0.0.2", "127.0.0.1").replace("mosquitto_sub", "timeout 3 mosquitto_sub").replace("mosquitto_pub", "mosquitto_pub")
        run = subprocess.run(command.replace(" -h ", f" -p {broker.port} -h "), shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert run.returncode in (0, 27, 124) and "rror" not in run.stderr, (command, run)
        if "mosquitto_sub" in command:
            assert "bitmar/front-door/state" in run.stdout and "bitmar/status online" in run.stdout, run
        else:
            topic = re.search(r"-t (\S+)", command)[1]
            until(lambda: listener.of(topic)[-1] == "", "an entity that is gone")
            assert topic in configs_of_topics(listener), topic
    feed.close()


def configs_of_topics(listener):
    with listener.lock:
        return {m[0] for m in listener.messages if m[0].startswith("homeassistant/") and m[3]}


@test("all keys are in the manual")
def manual_keys():
    broken = os.path.join(work, "broken.conf")
    with open(broken, "w") as f:
        f.write("[camera a]\nsource = clip.mkv\n[mqtt]\nnothing = x\n")
    run = subprocess.run([os.environ["BITMAR"], "watch", "--check", broken], stderr=subprocess.PIPE, text=True)
    keys = run.stderr.strip().split("the keys are ")[1].split(", ")
    with open(os.environ["MQTT_MANUAL"]) as f:
        rows = re.findall(r"^\| (`.*?`) \|", f.read(), re.M)
    told = {key for row in rows for key in re.findall(r"`([a-z-]+)`", row)}
    assert set(keys) <= told and len(keys) == 15, set(keys) - told


main()
