#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""README.md and docs/: every relative link, anchor and picture is there, and every page can be reached from docs/index.md. Output is TAP."""
import os
import re
import sys

import pages

INDEX = "docs/index.md"


class Finder:
    def __init__(self):
        self.loaded = pages.load()

    def page(self, name):
        """One of the tree's other texts, too, where a link leads to it."""
        if name not in self.loaded:
            self.loaded[name] = pages.Page(name)
        return self.loaded[name]

    def resolve(self, page, target):
        """The file and the anchor, or what is wrong."""
        path, _, anchor = target.partition("#")
        name = os.path.normpath(os.path.join(os.path.dirname(page.name), path)) if path else page.name
        if name.startswith("..") or not os.path.exists(os.path.join(pages.ROOT, name)):
            raise LookupError(f"there is no {name}")
        if anchor and (not name.endswith(".md") or anchor not in self.page(name).anchors):
            raise LookupError(f"{name} has no heading #{anchor}")
        return name

    def wrong_links(self, page):
        wrong = []
        for number, target in page.links:
            if re.match(r"[a-z]+:", target):
                continue
            try:
                self.resolve(page, target)
            except LookupError as error:
                wrong.append(f"{page.name}:{number}: {error}")
        return wrong

    def reachable(self):
        found, open_ones = {INDEX}, [INDEX]
        while open_ones:
            page = self.page(open_ones.pop())
            for _, target in page.links:
                name = os.path.normpath(os.path.join(os.path.dirname(page.name), target.split("#")[0]))
                if name in self.loaded and name not in found:
                    found.add(name)
                    open_ones.append(name)
        return found


def pictures(loaded):
    """Those in docs/images that no page shows, or that are too large for a page."""
    shown = {os.path.basename(target) for page in loaded.values() for _, target in page.links}
    folder = os.path.join(pages.ROOT, "docs", "images")
    return [f"docs/images/{name}: {'larger than 150 kB' if name in shown else 'no page shows it'}" for name in sorted(os.listdir(folder))
            if name not in shown or os.path.getsize(os.path.join(folder, name)) > 150000]


def main():
    finder = Finder()
    own = list(finder.loaded.values())
    results = [(f"the links of {page.name}", finder.wrong_links(page)) for page in own]
    reached = finder.reachable()
    results.append(("every page can be reached from docs/index.md", [page.name for page in own if page.name not in reached | {"README.md"}]))
    results.append(("README.md leads to docs/index.md", [] if INDEX in {finder.resolve(finder.page("README.md"), t) for _, t in finder.page("README.md").links
                                                                    if "://" not in t} else ["it doesn't"]))
    results.append(("every picture is shown, and small", pictures(finder.loaded)))
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")
    print(f"1..{len(results)}")
    return any(wrong for _, wrong in results)


if __name__ == "__main__":
    sys.exit(main())
