# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which words a picture's captions are expected to have is learnt from its features, goes into the file, and what is chosen by it there is what the
reference chooses."""
import unittest

import common
import numpy as np
import torch

import calibrate
import checkpoint
import export
import features
import reference
import start
import words
from text import read_captions

TINY_EARLY = common.ROOT / "tests" / "files" / "tiny-early.gguf"


class Words(common.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data, cls.cache, cls.started = (cls.work / n for n in ("data", "cache", "run"))
        for name, count in (("some", 24), ("dev", 24)):               # the same: what is learnt is to be known by heart
            common.write_captions(cls.data / f"{name}.tsv", common.pictures(cls.data / name, count))
            cls.call(features, "--data", cls.data, "--sets", name, "--views", 2, "--cache", cls.cache, "--engine", common.ENGINE, "--model", common.TINY)
        cls.call(start, "--model", common.TINY, "--out", cls.started)
        cls.said = cls.learn(cls.started / "start.pt", cls.started / "words.pt", "--hidden", 64)
        cls.file = cls.work / "words.gguf"
        cls.call(export, "--checkpoint", cls.started / "words.pt", "--backbone", common.TINY, "--output", cls.file, "--words-weight", 20)

    @classmethod
    def learn(cls, checkpoint, output, *more):
        return cls.call(words, "--data", cls.data, "--cache", cls.cache, "--sets", "some", "--dev", "dev", "--checkpoint", checkpoint, "--output", output,
                        "--batch", 8, "--epochs", 100, "--dropout", 0, *more)

    def test_what_is_seen_is_expected(self):
        model, engine, expected = reference.Model(self.file), features.Engine(common.ENGINE, self.file), {}
        captions = {n: c[0] for n, c in read_captions(self.data / "some.tsv").items()}
        for name, read in features.captioned(self.data, "some"):
            expected[name] = model.expected(engine([np.asarray(features.decode(read(), engine.size, name))])[0])
            self.assertAlmostEqual(float(np.square(expected[name]).sum()), 1, 4)
        engine.close()
        tokens = {n: set(model.tok.encode_caption(c)) for n, c in captions.items()}
        times = []
        for word in ("red", "green", "blue", "yellow", "circle", "square", "triangle", "black"):
            has = {n: word in c.split() for n, c in captions.items()}
            for t in model.tok.encode_caption(word):
                if all((t in tokens[n]) == has[n] for n in captions):          # a part of this word alone
                    own, other = ([expected[n][t] for n in captions if has[n] is wanted] for wanted in (True, False))
                    times.append(np.mean(own) / np.mean(other))
                    self.assertGreater(times[-1], 1.1, word)
        self.assertGreater(len(times), 2)
        self.assertGreater(np.mean(times), 1.3)

    def test_nothing_else_changes(self):
        before, after = (checkpoint.load(self.started / n)["model"] for n in ("start.pt", "words.pt"))
        for name, x in before.items():
            self.assertTrue(torch.equal(x, after[name]), name)
        self.assertEqual({n.split(".")[0] for n in after.keys() - before.keys()}, {"words"})

    def test_it_gets_better(self):
        loss = [float(line.split("loss ")[1].split(",")[0]) for line in self.said.splitlines() if line.startswith("epoch")]
        self.assertEqual(len(loss), 100)
        self.assertLess(loss[-1], 0.7 * loss[0])

    def test_goes_on_from_a_file(self):
        """What a word weighs stays; what is expected is learnt on."""
        run = self.work / "again"
        self.call(start, "--model", self.file, "--out", run)
        self.learn(run / "start.pt", run / "words.pt", "--epochs", 2)
        before, after = (checkpoint.load(run / n) for n in ("start.pt", "words.pt"))
        self.assertTrue(torch.equal(before["model"]["words.idf"], after["model"]["words.idf"]))
        self.assertFalse(torch.equal(before["model"]["words.out.bias"], after["model"]["words.out.bias"]))
        self.assertEqual((before["config"]["words"], before["config"]["words_weight"]), (64, 20))
        self.assertEqual(after["config"]["words_weight"], 20)

    def test_calibration_sees_what_captions_have(self):
        f = reference.File(self.file)
        captions = {n: c[0] for n, c in read_captions(self.data / "some.tsv").items()}
        fits = calibrate.Words(f, common.ENGINE, self.data)("some", captions)
        swapped = calibrate.Words(f, common.ENGINE, self.data)("some", dict(zip(captions, reversed(captions.values()))))
        self.assertEqual(fits.keys(), captions.keys())
        self.assertGreater(np.mean(list(fits.values())), np.mean(list(swapped.values())) + 0.05)
        nothing = calibrate.Words(reference.File(common.TINY), None, self.data)("some", captions)
        self.assertEqual(list(nothing.values()), [[]] * len(captions))
        self.stops("takes --engine", calibrate.Words, f, None, self.data)

    def test_calibration_finds_what_was_planted(self):
        rng = np.random.default_rng(1)
        x = np.column_stack([rng.normal(0, 1, 4000), rng.integers(5, 14, 4000), rng.random(4000)])
        truth = calibrate.sigmoid(x @ (1.5, -0.1, 2.5) + 0.3)
        np.testing.assert_allclose(calibrate.fit(x, truth, np.ones(len(x))), (1.5, -0.1, 2.5, 0.3), atol=1e-3)
        np.testing.assert_allclose(calibrate.fit(x[:, :2], calibrate.sigmoid(x[:, :2] @ (1.5, -0.1) + 0.3), np.ones(len(x))), (1.5, -0.1, 0.3), atol=1e-3)

    def test_what_it_can_not_use(self):
        self.stops("--hidden a multiple of 16", self.learn, self.started / "start.pt", self.started / "none.pt", "--hidden", 40)
        self.stops("--weight 0 to 100", self.learn, self.started / "start.pt", self.started / "none.pt", "--weight", -1)
        self.stops("no-such.pt", self.learn, self.started / "no-such.pt", self.started / "none.pt")
        early = self.work / "early"
        self.call(start, "--model", TINY_EARLY, "--out", early)
        self.stops("of another backbone", self.learn, early / "start.pt", early / "none.pt")
        self.assertFalse((self.started / "none.pt").exists())


if __name__ == "__main__":
    unittest.main()
