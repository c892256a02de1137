# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""README.md and docs/**/*.md: their links, headings and commands.

A command is a line (with those that continue it) of a block ```sh, or of an indented block, whose first word is a program: one of PROGRAMS or a file of
the tree. What else may be indented is what DATA says; anything else is a mistake, so that no command is overlooked."""
import os
import re
import shlex

ROOT = os.environ.get("BITMAR_ROOT", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAMS = set("""apt-get apt-ftparchive apt-mark bitmar cc cd curl echo export gi-docgen git gpg gst-inspect-1.0 gst-launch-1.0 install journalctl meson
    mosquitto_pub mosquitto_sub mkdir ninja openssl pip python python3 rm sh systemctl tar taskset umask""".split())
# A file of `bitmar watch` or nginx, JSON, rules of alerts, what a program prints.
DATA = re.compile(r"""\[|[a-z-]+ = |[a-z]+ [^ ]* \{$|\}|[{"#]|[a-z]+: [a-z"]|line \d+, column|#include|int main|[a-z]+:""")


class Command:
    """text: as on the page. words: of its first simple command, without what is set before it. heading: what it stands below."""

    def __init__(self, page, line, text, heading=None):
        self.page, self.line, self.text, self.heading = page, line, text, heading
        words = shlex.split(text.replace("\\\n", " ").lstrip("("), comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        self.words = words

    def __str__(self):
        return f"{self.page}:{self.line}: {' '.join(self.text.split())}"


def is_program(word):
    return word in PROGRAMS or ("/" in word and "://" not in word and (word.startswith(("./", "BUILD/", "build/")) or os.path.exists(os.path.join(ROOT, word))))


class Page:
    def __init__(self, name):
        self.name = name
        with open(os.path.join(ROOT, name), encoding="utf-8") as f:
            self.lines = f.read().split("\n")
        self.anchors, self.links, self.blocks, self.mistakes = set(), [], [], []
        self.read()

    def read(self):
        fence, block = None, None
        for number, line in enumerate(self.lines, 1):
            if line.startswith("```"):
                block = None if fence is not None else (number + 1, line[3:].strip(), [])
                fence = line if fence is None else None
                if block:
                    self.blocks.append(block)
            elif fence is not None:
                block[2].append(line)
            elif line.startswith("    ") and line.strip() and (block or self.may_indent(number)):
                if not block:
                    block = (number, None, [])
                    self.blocks.append(block)
                block[2].append(line[4:])
            else:
                block = None
                self.read_text(number, line)

    def may_indent(self, number):
        """An indented block begins behind an empty line, a heading or a table; elsewhere it goes on with a paragraph or a list."""
        before = self.lines[number - 2]
        return not before.strip() or before.startswith(("#", "|"))

    def read_text(self, number, line):
        heading = re.match(r"#+ (.*)", line)
        if heading:
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            n = sum(a == anchor or re.fullmatch(re.escape(anchor) + r"-\d+", a) is not None for a in self.anchors)
            self.anchors.add(f"{anchor}-{n}" if n else anchor)
        text = re.sub(r"`[^`]*`", "", line)
        for target in re.findall(r"\]\(([^)\s]*)\)", text):
            self.links.append((number, target))

    def commands(self):
        for first, language, lines in self.blocks:
            if language in (None, "sh"):
                yield from self.commands_of(first, language, lines)

    def commands_of(self, first, language, lines):
        found, i, data = [], 0, False
        while i < len(lines):
            start, text = i, lines[i]
            while (text.endswith("\\") or not self.closed(text)) and i + 1 < len(lines):
                i += 1
                text += "\n" + lines[i]
            i += 1
            if not text.strip() or text.startswith("#"):
                continue
            command = Command(self.name, first + start, text, self.heading_of(first))
            if command.words and is_program(command.words[0]):
                found.append(command)
            elif language == "sh" or not (DATA.match(text) or data and text.startswith(" ")):
                self.mistakes.append(f"{self.name}:{first + start}: neither a program nor something else that is known: {text.splitlines()[0]}")
            else:
                data = True
        if found and data:
            self.mistakes.append(f"{self.name}:{first}: a block of commands and of something else")
        return found

    def heading_of(self, number):
        return next((line.lstrip("# ") for line in reversed(self.lines[:number]) if line.startswith("## ")), None)

    @staticmethod
    def closed(text):
        try:
            shlex.split(text.replace("\\\n", " "), comments=True)
            return True
        except ValueError:
            return False


def names():
    found = ["README.md"]
    for folder, _, files in os.walk(os.path.join(ROOT, "docs")):
        found += sorted(os.path.relpath(os.path.join(folder, name), ROOT) for name in files if name.endswith(".md"))
    return [name for name in found if not name.startswith("docs/reference/")]


def load():
    return {name: Page(name) for name in names()}
