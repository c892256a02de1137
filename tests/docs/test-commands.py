#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command of README.md and docs/ is tested: a line of TAP each.

Those that the file `commands` has nothing about are run here, those of a page one after the other in a folder that looks like the root of the tree, and has
what pages take for granted (STAND_INS, furnish), with a model of random weights, so that it doesn't matter which one is shipped. A command has to succeed, and to
print or write what it is for. Of others `commands` says which test runs
them, or why none does; that is checked, too. test-commands.py --list says what becomes of each.

Environment: as for ../pipelines, BITMAR_ROOT, and BITMAR_BUILD."""
import calendar
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import elsewhere
import pages

PATIENCE = 240  # seconds, for a command that takes one
BUILD = os.environ.get("BITMAR_BUILD", os.path.join(pages.ROOT, "build"))
# What a page writes, and what is there in its place.
STAND_INS = [
    (r"file:///clip\.mp4", "file://$PWD/clip.mp4"),
    (r"rtsp://(user:password@)?camera/stream", "{rtsp}"),
    (r"\bautovideosink\b", "filesink location=shown"),
    (r"\bv4l2src\b", "videotestsrc is-live=true num-buffers=10"),
    (r"/var/lib/bitmar\b", "$PWD/state"),
    (r"/etc/bitmar/|/srv/", "$PWD/"),
    (r"\bcurl ", "curl -fsS --retry 100 --retry-delay 1 --max-time 120 "),
    (r"127\.0\.0\.1:8080", "127.0.0.1:{web}"),
    (r"\bbitmar bench\b", "bitmar bench --time 0.001"),
    (r"\bpython3\b", "/usr/bin/python3"),
]
# What is only worth running for what it prints.
TALKS = re.compile(r"\bfdsink\b|^bitmar (caption|search|info|bench|forget)|^pipelines/caption-json|-m uridecodebin|^gst-inspect|^curl")
SILENT = re.compile(r"> |--quiet|--output")
# What opens a screen by itself.
SHOWS = re.compile(r"pipelines/caption-(file [^-]|camera|rtsp [^-])")
# What goes on until Ctrl-C, and the files by which it is seen that it works; "said" is what it prints.
ENDLESS = [(re.compile(r"^bitmar record rtsp"), "video/*.mkv"), (re.compile(r"^bitmar serve"), "said")]
# What it writes.
WRITES = re.compile(r"(?:filesink location=|--output |> |memory-file=|event-log=)([\w./-]+)")


def furnish(folder):
    for entry in ("docs", "gst", "ext", "kernels", "memory", "models", "pipelines", "tests", "meson.build", "meson_options.txt", "README.md"):
        os.symlink(os.path.join(pages.ROOT, entry), os.path.join(folder, entry))
    for name in ("build", "BUILD"):
        os.symlink(BUILD, os.path.join(folder, name))
    os.mkdir(os.path.join(folder, "state"))
    for name in ("clip.mp4", "yard.mp4", "holiday.jpg", "events.db", "events.log"):
        shutil.copy(os.path.join(work, name), folder)
    shutil.copy(os.path.join(work, "events.db"), os.path.join(folder, "state"))
    with open(os.path.join(folder, "cameras.conf"), "w") as f:
        f.write("[watch]\nfolder = state\n[camera yard]\nsource = clip.mp4\nmin-confidence = 0\n")


def make():
    """A clip, a picture, logs."""
    run(f". {pages.ROOT}/tests/pipelines/common.sh && clip {work}/clip.mp4 && cp {work}/clip.mp4 {work}/yard.mp4")
    shutil.copy(os.path.join(pages.ROOT, "docs", "images", "captioned.jpg"), f"{work}/holiday.jpg")
    now = time.time()
    # In the time zone of the tests, UTC; the second when docs/search.md looks for it.
    events = ["yard", now - 3600, "a red car on a street", "door", calendar.timegm((2026, 11, 25, 19, 0, 0)), "a person at a door", "yard", now - 60, "a man with a dog"]
    for name in ("events.db", "events.log"):
        subprocess.run([os.environ["MAKE_LOG"], f"{work}/{name}", *(str(int(word)) if isinstance(word, float) else str(word) for word in events)], check=True,
                       env=environment())


def environment():
    env = dict(os.environ)
    env.update(BITMAR_MODEL=os.environ["BITMAR_TINY"], PATH=f"{work}/bin:{env['PATH']}", BITMAR_SINK="filesink location=shown", BITMAR_CAMERA="videotestsrc is-live=true num-buffers=10", HOME=work, LC_ALL="C.UTF-8", TZ="UTC",
               XDG_STATE_HOME=f"{work}/state")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        env.pop(name, None)
    return env


def start(text, folder):
    return subprocess.run(["sh", "-c", text], cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", timeout=PATIENCE)


def run(text, folder=None):
    """The output of a command. Raises what its failure says."""
    result = start(text, folder or work)
    # Cameras hang up when they have shown all, and a reader that is still about to tell them something finds them gone.
    gone = "rtspt:" in text and re.search(r"GstRTSPSrc.*: Could not (write to|read from) resource", result.stdout + result.stderr)
    if result.returncode and not gone:
        raise AssertionError(f"exit status {result.returncode} of {text}\n{result.stdout}{result.stderr}")
    return result.stdout


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not in {PATIENCE} s: {what}"
        time.sleep(0.05)


def run_endless(text, folder, files):
    with open(os.path.join(folder, "said"), "w+") as said:
        process = subprocess.Popen(["sh", "-c", f"exec {text}"], cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            until(lambda: process.poll() is not None or any(os.path.getsize(path) for path in glob.glob(os.path.join(folder, files))), text)
            process.send_signal(signal.SIGINT)
            status = process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        assert status in (0, 130), f"exit status {status} of {text}\n{said.read()}"


def stand_in(text):
    for pattern, replacement in STAND_INS:
        text = re.sub(pattern, replacement.format(**there) if "{" in replacement else replacement, text)
    return text


def check(command, folder):
    text = stand_in(command.text)
    screen = os.path.join(folder, "shown")
    if os.path.exists(screen):
        os.remove(screen)
    endless = [files for pattern, files in ENDLESS if pattern.match(" ".join(command.words))]
    if endless:
        run_endless(text, folder, endless[0])
        return
    printed = run(text, folder)
    if TALKS.search(" ".join(command.words)) and not SILENT.search(command.text):
        assert printed.strip(), f"it printed nothing: {text}"
    if "location=shown" in text or SHOWS.match(command.text):
        assert os.path.exists(screen) and os.path.getsize(screen), f"it showed nothing: {text}"
    for name in WRITES.findall(text.replace("$PWD/", "")):
        path = os.path.join(folder, name)
        assert os.path.exists(path) and os.path.getsize(path), f"it didn't write {name}: {text}"


def lacks(command):
    """What isn't there to run it, or None."""
    for mark, name in (("rtsp://", "rtsp"), (":8080", "web")):
        if mark in command.text and not there.get(name):
            return "no gst-rtsp-server" if name == "rtsp" else "no curl, or no libsoup"
    for element in re.findall(r"! (bitmaronvif|x264enc|vp8enc)\b", command.text):
        # Not --exists, for which plugins of version 0.1 aren't there.
        if subprocess.run(["gst-inspect-1.0", element], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return f"no {element}"
    return None


def check_page(commands):
    """(command, what went wrong or None, why it was skipped or None), one after the other."""
    folder = tempfile.mkdtemp(dir=work)
    furnish(folder)
    for command in commands:
        skip, wrong = lacks(command), None
        try:
            skip or check(command, folder)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            wrong = str(error)
        yield command, wrong, skip


def serve_rtsp():
    """A camera, where there is gst-rtsp-server."""
    if not os.environ.get("RTSP_SERVER"):
        return
    path = os.path.join(work, "address")
    begun.append(subprocess.Popen([os.environ["RTSP_SERVER"], path]))
    until(lambda: begun[-1].poll() is not None or os.path.exists(path) and os.path.getsize(path), "an RTSP server")
    with open(path) as f:
        # By TCP: a busy machine loses packets.
        there["rtsp"] = f.read().strip().replace("rtsp:", "rtspt:")


def serve_web():
    """The page, where it was built, of a camera that goes on."""
    if not shutil.which("curl") or not os.path.exists(os.path.join(os.environ["BITMAR_MODULE_PATH"], "libbitmar-web.so")):
        return
    path = os.path.join(work, "web.conf")
    with open(path, "w") as f:
        f.write(f"[watch]\nfolder = {work}/web\n[camera yard]\nsource = clip.mp4\nrepeat = yes\n[web]\nlisten = 127.0.0.1:0\n")
    with open(os.path.join(work, "web.said"), "w") as said:
        begun.append(subprocess.Popen(["bitmar", "watch", path], env=environment(), stdout=subprocess.DEVNULL, stderr=said))

    def port():
        with open(said.name) as f:
            text = f.read()
        assert begun[-1].poll() is None, text
        found = re.search(r"the page is at http://[^ ]*:(\d+)/", text)
        if found:
            there["web"] = found[1]
        return found
    until(port, "a page")


def check_c(page):
    """What is wrong with the functions in C on an element's page, or None. Whole programs are other tests'."""
    text = "#include <gst/gst.h>\n" + "\n".join(line for _, language, lines in page.blocks if language == "c" for line in lines)
    try:
        run(f"cat > {work}/page.c <<'END'\n{text}\nEND\ncc -Wall -Werror -Wno-unused-function -fsyntax-only $(pkg-config --cflags gstreamer-1.0) {work}/page.c")
    except AssertionError as error:
        return str(error)
    return None


def main():
    loaded = pages.load()
    listed = elsewhere.Commands(os.path.join(os.path.dirname(os.path.abspath(__file__)), "commands"), BUILD)
    here, told = {}, []
    for page in loaded.values():
        for command in page.commands():
            entry = listed.find(command)
            if entry:
                told.append((command, entry))
            else:
                here.setdefault(page.name, []).append(command)
    if sys.argv[1:] == ["--list"]:
        for command, entry in told:
            print(f"{command}\n    {entry.how}")
        for command in (c for commands in here.values() for c in commands):
            print(f"{command}\n    run here")
        return 0
    results = [(mistake, "it is neither run nor known to be something else", None) for page in loaded.values() for mistake in page.mistakes]
    results += [(str(command), *entry.check(command)) for command, entry in told]
    results += [(f"tests/docs/commands: {entry.pattern}", "no page has such a command", None) for entry in listed.unused()]
    if shutil.which("cc") and shutil.which("pkg-config"):
        results += [(f"the functions of {page.name}", check_c(page), None) for page in loaded.values()
                    if page.name.startswith("docs/elements/") and any(language == "c" for _, language, _ in page.blocks)]
    make()
    serve_rtsp()
    serve_web()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in pool.map(lambda commands: list(check_page(commands)), here.values()):
            results += [(str(command), wrong, skip) for command, wrong, skip in done]
    for number, (name, wrong, skip) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name.replace('#', ' ')}" + (f" # SKIP {skip}" if skip else ""))
        if wrong:
            print("\n".join(f"# {line}" for line in wrong.splitlines()))
    print(f"1..{len(results)}")
    return any(wrong for _, wrong, _ in results)


if __name__ == "__main__":
    there, begun = {}, []  # addresses, processes
    work = tempfile.mkdtemp(prefix="bitmar-docs-")
    try:
        os.mkdir(os.path.join(work, "bin"))
        os.symlink(os.environ.get("BITMAR", os.path.join(BUILD, "pipelines", "bitmar")), os.path.join(work, "bin", "bitmar"))
        sys.exit(main())
    finally:
        for process in begun:
            process.terminate()
            process.wait()
        shutil.rmtree(work, ignore_errors=True)
