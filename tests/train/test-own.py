# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""models/train/own: from a folder of pictures and their captions to a model that the engine captions with."""
import json
import os
import re
import subprocess
import sys
import unittest

import common
import numpy as np

import reference

OWN = common.TRAIN / "own"


class Own(common.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.captions = common.pictures(cls.work / "pictures")
        (cls.work / "pictures" / "notes.txt").write_text("not a picture")
        common.shape("circle", "red", "black").save(cls.work / "pictures" / "nobody knows.png")
        lines = {name + (".png", "")[n % 2]: c for n, (name, c) in enumerate(cls.captions.items())}
        common.write_captions(cls.work / "captions.tsv", {**lines, "not there.jpg": "a purple square on white"})

    def own(self, *more, **options):
        given = {"pictures": self.work / "pictures", "captions": self.work / "captions.tsv", "output": self.work / "new.gguf", "epochs": 2, **options}
        argv = [str(a) for k, v in given.items() if v is not None for a in ("--" + k, v)]
        env = {**os.environ, "BITMAR_BUILD": str(common.BUILD), "BITMAR_PYTHON": sys.executable}
        return subprocess.run([OWN, "--no-setup", *argv, *more], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def refused(self, words, *more, status=1, **options):
        before = sorted(f.name for f in self.work.iterdir())
        run = self.own(*more, **options)
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertNotIn("Traceback", run.stderr)
        self.assertIn(words, run.stderr)
        self.assertEqual(sorted(f.name for f in self.work.iterdir()), before)

    def test_a_model_of_own_pictures(self):
        first = self.own(epochs=1)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("Pictures with captions: 24; left out: 1 pictures without captions, 1 in captions.tsv without a picture", first.stdout)
        new = self.work / "new.gguf"
        said = common.captions_of(new, self.work / "new.work" / "data" / "own-train")
        self.assertEqual(len(said), 22)
        self.assertTrue(all(said))
        info = json.loads(subprocess.run([common.BITMAR, "info", "--json", new], stdout=subprocess.PIPE, check=True).stdout)
        self.assertIn("captions.tsv", info["metadata"]["bitmar.training_data"])

        # The backbone is the base's, what was trained is not.
        a, b = reference.File(common.SHIPPED), reference.File(new)
        for name, x in a.tensor.items():
            if name.startswith("vision."):
                np.testing.assert_array_equal(b.tensor[name], x, name)
        self.assertGreater(np.mean(a.tensor["decoder.blk.0.qkv.scale"] != b.tensor["decoder.blk.0.qkv.scale"]), 0.5)

        # A second run goes on, and a third finds nothing to do.
        second = self.own()
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertIn("resumed after epoch 1", second.stdout)
        loss = [float(x) for x in re.findall(r"ce ([0-9.]+)", (self.work / "new.work" / "run" / "log.txt").read_text())]
        self.assertEqual(len(loss), 2)
        self.assertLess(loss[1], loss[0])
        self.assertTrue((self.work / "new.work" / "run" / "epoch-02.pt").exists())
        self.assertRegex(second.stdout, r"(?m)^ +base +new\n(.*\n)*cider +[0-9.]+ +[0-9.]+")
        made, when = reference.File(new)["sha256"], new.stat().st_mtime_ns
        third = self.own()
        self.assertEqual(third.returncode, 0, third.stderr)
        self.assertEqual((reference.File(new)["sha256"], new.stat().st_mtime_ns), (made, when))
        self.assertNotRegex(third.stdout, r"epoch \d+ step|Choosing")

        # What is in WORK is of these pictures and captions alone.
        common.write_captions(self.work / "others.tsv", self.captions)
        self.refused("was begun with other captions", captions=self.work / "others.tsv")
        self.assertEqual(reference.File(new)["sha256"], made)

    def test_what_is_not_taken(self):
        other = {"output": self.work / "other.gguf"}
        (self.work / "empty.tsv").write_text("\n")
        (self.work / "untabbed.tsv").write_text("00 circle.red\ta red circle\n01 square.red a red square\n")
        common.write_captions(self.work / "strangers.tsv", {"nobody": "a man", "somebody": "a woman"})
        (self.work / "bare").mkdir()
        (self.work / "broken").mkdir()
        (self.work / "broken" / "00 circle.red.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
        for name in ("01 square.red", "02 triangle.red", "03 circle.green"):
            common.shape("circle", "red", "white").save(self.work / "broken" / (name + ".png"))
        (self.work / "other.work").mkdir()                             # left as it is
        self.refused("empty.tsv: no captions", captions=self.work / "empty.tsv", **other)
        self.refused("untabbed.tsv:2: not picture<TAB>caption", captions=self.work / "untabbed.tsv", **other)
        self.refused("none of the 25 pictures", captions=self.work / "strangers.tsv", **other)
        self.refused("bare: no pictures", pictures=self.work / "bare", **other)
        self.refused("neither a folder nor a tar", pictures=self.work / "empty.tsv", **other)
        self.refused("00 circle.red: can't be decoded", pictures=self.work / "broken", **other)
        self.refused("can't be written into", output="/dev/null/new.gguf")
        self.refused("can't be written into", "--work", "/dev/null/work", **other)
        self.refused("is a folder", output=self.work / "bare")
        base = self.work / "base.gguf"
        base.write_bytes(common.TINY.read_bytes())
        self.refused("would overwrite its own base", base=base, output=base)
        self.refused("not a GGUF file", base=self.work / "captions.tsv", **other)
        self.refused("no such file", base=self.work / "nothing.gguf", **other)
        self.refused("no such file", captions=self.work / "nothing.tsv", **other)
        self.refused("--dev", "--dev", "0.9", status=2, **other)
        self.refused("--colour", "--colour", status=2, **other)
        self.refused("--also needs a value", "--also", status=2, **other)
        self.refused("please", status=2, captions=None, **other)

    def test_help(self):
        run = subprocess.run([OWN, "--help"], capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        for option in ("--pictures", "--captions", "--output", "--base", "--epochs", "--dev", "--also", "--work", "--no-setup"):
            self.assertIn(option, run.stdout)


if __name__ == "__main__":
    unittest.main()
