#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/troubleshooting.md says is printed is in the source, and so are the metrics, environment variables and options that pages name. Output is TAP.

In a text of the page … stands for what differs, as %s and its like do in the source."""
import ast
import os
import re
import sys

import pages

FOLDERS = ("gst", "models", "memory", "kernels", "ext", "pipelines")
STRING = r'"(?:[^"\\\n]|\\.)*"'
# A string of C, of pieces that stand beside each other, G_GUINT64_FORMAT and the like among them.
STRINGS = re.compile(rf"{STRING}(?:\s*(?:[A-Z][A-Z0-9_]*_FORMAT\s*)?{STRING})*")
PLACE = re.compile(r"%(?:[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|z|j)?[diuxXscgfGeEp])?")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def files(*endings):
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(pages.ROOT, top)):
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(endings) or ("." not in name and "" in endings):
                    yield path


def unescape(text):
    """What the compiler makes of a string and its neighbours; directives become …"""
    pieces = re.findall(STRING, text)
    return PLACE.sub("…", "".join(ast.literal_eval(piece) if "\\" in piece else piece[1:-1] for piece in pieces))


def printed():
    found = set()
    for path in files(".c", ".h"):
        text = re.sub(r"/\*.*?\*/|^#include[^\n]*", "", read(path), flags=re.S | re.M)
        for match in STRINGS.finditer(text):
            try:
                found.add(unescape(match[0]))
            except (SyntaxError, ValueError):
                continue
    # What the scripts say, whose variables are $NAME.
    for path in files(".sh", ""):
        for line in re.findall(r"(?:fail|bad_usage) (?:\"([^\"]*)\"|'([^']*)')", read(path)):
            found.add(re.sub(r"\$\{?\w+\}?", "…", line[0] or line[1]))
    return found


def fixed(text):
    return len(text) - text.count("…")


def pattern_of(text):
    return re.compile(".*".join(re.escape(part) for part in text.split("…")), re.S)


def is_printed(text, strings):
    """A string has it; or it is what a string becomes, of which most is fixed (The … "…" can't be used)."""
    pattern = pattern_of(text)
    return fixed(text) >= 8 and any(pattern.search(string) or 0.6 * fixed(text) <= fixed(string) and pattern_of(string).fullmatch(text) for string in strings)


def quoted():
    """(line, text) of the first cells of tables that begin with "what is printed"."""
    page, inside = pages.Page("docs/troubleshooting.md"), False
    for number, line in enumerate(page.lines, 1):
        if not line.startswith("|"):
            inside = False
        elif line.startswith("| what is printed |"):
            inside = True
        elif inside and not line.startswith("|--"):
            for text in re.findall(r"`([^`]+)`", line.split("|")[1]):
                yield number, text


def named(pattern, loaded):
    """Where pages name it: {name: page}"""
    return {name: page.name for page in loaded.values() for name in re.findall(pattern, "\n".join(page.lines))}


def main():
    strings = printed()
    loaded = pages.load()
    results = [(f"docs/troubleshooting.md:{number}: {text}", [] if is_printed(text, strings) else ["nothing of ours prints that"]) for number, text in quoted()]
    # The test itself.
    results.append(("a text that nothing prints would be found", ["it wasn't"] if is_printed("The model file is … tired.", strings) else []))
    results.append(("there are texts", [] if len(results) > 50 else [f"only {len(results)}"]))
    metrics = "".join(read(os.path.join(pages.ROOT, "ext", "web", name)) for name in os.listdir(os.path.join(pages.ROOT, "ext", "web")) if name.endswith(".c"))
    wrong = [f"{page}: {name}" for name, page in named(r"\bbitmar_[a-z_]+_(?:total|up|works|queued|active|info|p50|p95)\b", loaded).items() if f'"{name}"' not in metrics]
    # The one that contributing.md would have.
    results.append(("the metrics that pages name are there", [w for w in wrong if not w.startswith("docs/contributing.md")]))
    source = "".join(read(path) for path in files(".c", ".h", ".sh", "", ".py")) + "".join(
        read(os.path.join(pages.ROOT, "tests", name)) for name in ("run", "meson.build", "packages/run"))
    wrong = [f"{page}: {name}" for name, page in named(r"\bBITMAR_[A-Z_]+\b", loaded).items() if name not in source]
    results.append(("the variables of the environment that pages name are read somewhere", wrong))
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name.replace('#', ' ')}")
        for line in wrong:
            print(f"# {line}")
    print(f"1..{len(results)}")
    return any(wrong for _, wrong in results)


if __name__ == "__main__":
    sys.exit(main())
