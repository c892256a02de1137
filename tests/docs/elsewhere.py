# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file `commands`: which commands test-commands.py doesn't run itself, and whether what is said of them is so."""
import fnmatch
import json
import os
import re
import subprocess

from pages import ROOT


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Entry:
    """A line. how: the heading it stands under."""

    def __init__(self, how, pattern, build):
        self.how, self.pattern, self.build, self.used = how, pattern, build, False
        self.page, self.glob = (part.strip() for part in pattern.split(":", 1))

    def matches(self, command):
        one_line = " ".join(command.text.replace("\\\n", " ").split())
        return fnmatch.fnmatchcase(command.page, self.page) and fnmatch.fnmatchcase(one_line, self.glob)

    def is_there(self):
        """A test that the tree has not, as a part of ext/ that was left out, runs nothing: its commands are run here."""
        return not self.how.startswith("run by ") or os.path.exists(os.path.join(ROOT, self.how[7:].split()[0]))

    def check(self, command):
        """(what is wrong or None, why it was skipped or None)"""
        try:
            if self.how.startswith("run by "):
                return None, self.check_test(command, self.how[7:].split())
            if self.how == "tests that exist":
                self.check_names(command.words)
            else:
                self.check_spelling(command)
            return None, None
        except AssertionError as error:
            return str(error), None

    # Run by another test.
    def check_test(self, command, sources):
        text = "".join(read(os.path.join(ROOT, source)) for source in sources)
        by_page = command.page in text
        one_line = " ".join(command.words)
        assert by_page or one_line in " ".join(text.split()), f"{' '.join(sources)} has neither the page nor this command"
        # Where it goes by headings, by this one, too.
        if by_page and re.search(r"'## ", text):
            assert f"'## {command.heading}'" in text, f"{' '.join(sources)} doesn't run what is below \"{command.heading}\""
        path = os.path.join(ROOT, sources[0])
        if not any(path in test["cmd"] for test in self.introspect("tests")):
            return f"this build has no test {sources[0]}"
        return None

    def introspect(self, what):
        return json.loads(read(os.path.join(self.build, "meson-info", f"intro-{what}.json")))

    # meson test: what it names exists. Of what isn't built here nothing is known.
    def check_names(self, words):
        found = self.introspect("benchmarks" if "--benchmark" in words else "tests")
        suites = {suite.split(":")[-1] for test in found for suite in test["suite"]}
        rest = words[2:]
        while rest:
            word = rest.pop(0)
            option, _, value = word.partition("=")
            if option in ("-C", "--suite", "--setup") and not value:
                value = rest.pop(0)
            if option == "--suite":
                assert value in suites, f"there is no suite {value}"
            elif option == "--setup":
                assert f"'{value}'" in read(os.path.join(ROOT, "tests", "meson.build")), f"there is no setup {value}"
            elif not option.startswith("-"):
                assert any(test["name"] == word for test in found), f"there is no test {word}"
            else:
                assert option in ("-C", "--list", "--benchmark", "-v", "--print-errorlogs", "--num-processes", "--repeat"), f"is {option} one of meson's?"

    # Not run: the shell can read it, the program is there and knows the options.
    def check_spelling(self, command):
        shell = subprocess.run(["sh", "-n", "-c", command.text], stderr=subprocess.PIPE, text=True)
        assert shell.returncode == 0, shell.stderr
        words = list(command.words)
        if words[:2] == ["meson", "devenv"]:
            words = words[4:] or words[:1]
        elif words[0] == "taskset":
            words = words[3:]
        elif words[0] in ("python", "python3", "sh"):
            words.pop(0)
        program = words[0].replace("$PWD/", "")
        if program.startswith("BUILD/"):
            assert os.path.exists(program.replace("BUILD", self.build, 1)), f"{program} isn't built"
        elif "/" in program or program.endswith(".py"):
            self.check_options(program, [word for word in words[1:] if word.startswith("--")])
        elif program in ("cd", "pip"):
            assert os.path.exists(os.path.join(ROOT, words[-1])), f"there is no {words[-1]}"

    def check_options(self, program, options):
        # Those of models/train are started there, too.
        if program.startswith("tests/bench/bench-"):
            assert os.path.exists(os.path.join(self.build, program)), f"{program} isn't built"
            return
        found = [path for path in (os.path.join(ROOT, program), os.path.join(ROOT, "models", "train", program)) if os.path.exists(path)]
        assert found, f"there is no {program}"
        text = read(found[0])
        for option in options:
            assert re.search(rf"(?<![\w-]){re.escape(option.split('=')[0])}(?![\w-])", text), f"{program} has no option {option}"


class Commands:
    def __init__(self, path, build):
        self.entries, how = [], None
        for line in read(path).splitlines():
            if line.startswith("["):
                how = line.strip("[]")
            elif line.strip() and not line.startswith("#"):
                self.entries.append(Entry(how, line.strip(), build))

    def find(self, command):
        for entry in self.entries:
            if entry.is_there() and entry.matches(command):
                entry.used = True
                return entry
        return None

    def unused(self):
        return [entry for entry in self.entries if entry.is_there() and not entry.used]
