# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The background of alert scores: measured through the C engine, fitted, exported, and only into the file it was measured with."""
import json
import subprocess
import unittest

import common
import numpy as np

import background
import export
import reference
import start

DUMP = common.BUILD / "tests" / "models" / "dump-keys"


class Background(common.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        common.write_captions(cls.work / "shapes.tsv", common.pictures(cls.work / "shapes"))
        cls.out = cls.work / "background.npz"
        cls.said = cls.call(background, *cls.measuring(common.SHIPPED), "--out", cls.out)
        cls.call(start, "--model", common.SHIPPED, "--out", cls.work / "run")

    @classmethod
    def measuring(cls, model):
        return ["--dump", DUMP, "--model", model, "--data", cls.work, "--background", "shapes", "--dev", "shapes"]

    def exporting(self, out, scores):
        return ["--checkpoint", self.work / "run" / "start.pt", "--backbone", common.SHIPPED, "--output", out, "--background", scores]

    def test_one_other_picture_in_a_hundred(self):
        with np.load(self.out) as saved:
            slope, bias, mean, covariance = (saved[k] for k in ("slope", "bias", "mean", "covariance"))
        self.assertGreater(slope, 0)
        self.assertLess(bias, 0)
        f = reference.File(common.SHIPPED)
        args = type("Args", (), dict(dump=DUMP, model=common.SHIPPED, data=self.work))
        dev = background.Dev(args, f, "shapes")
        np.testing.assert_allclose((dev.t ** 2).sum(1), 1, rtol=1e-5)
        score = background.sigmoid(slope * background.standard(dev, mean, covariance) + bias)
        self.assertAlmostEqual((score[~dev.is_own] >= 0.5).mean(), 0.01, delta=0.003)
        self.assertIn("24 pictures, 24 captions", self.said)

    def test_sentences_are_the_reference_s(self):
        model = reference.Model(common.SHIPPED)
        args = type("Args", (), dict(dump=DUMP, model=common.SHIPPED))
        got, = background.dumped(args, "sentences", 128, [b"a red circle on white\n"])
        np.testing.assert_allclose(got, model.sentence("a red circle on white"), atol=5e-3)

    def test_export(self):
        out = self.work / "with.gguf"
        self.call(export, *self.exporting(out, self.out))
        f = reference.File(out)
        covariance = f.tensor["memory.background.covariance"]
        self.assertEqual(covariance.shape, (128, 128))
        np.testing.assert_array_equal(covariance, covariance.T)
        info = subprocess.run([common.BITMAR, "info", "--json", out], stdout=subprocess.PIPE, check=True).stdout
        self.assertTrue(json.loads(info)["has_background"])

    def test_of_other_weights(self):
        other, out = self.work / "other.npz", self.work / "wrong.gguf"
        f = reference.File(common.TINY)
        background.save(other, f, mean=np.zeros(16), covariance=np.eye(16), slope=1, bias=-1)
        self.stops("of a model with other weights", self.call, export, *self.exporting(out, other))
        self.assertFalse(out.exists())

    def test_bad_input(self):
        noise = self.work / "noise.npz"
        noise.write_bytes(b"noise")
        self.stops("not what background.py wrote", self.call, export, *self.exporting(self.work / "x.gguf", noise))
        self.stops("No such file", self.call, export, *self.exporting(self.work / "x.gguf", self.work / "none.npz"))
        self.stops("takes 1 or more", self.call, background, *self.measuring(common.SHIPPED), "--count", 0)
        self.stops("No such file", self.call, background, "--dump", self.work / "none", *self.measuring(common.SHIPPED)[2:])


if __name__ == "__main__":
    unittest.main()
