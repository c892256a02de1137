# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A model file made a checkpoint and a file again says what it said."""
import unittest

import common
import numpy as np

import checkpoint
import export
import net
import reference
import start


class Start(common.Case):
    def there_and_back(self, source):
        run, back = self.work / source.stem, self.work / f"back-{source.name}"
        self.call(start, "--model", source, "--out", run)
        self.call(export, "--checkpoint", run / "start.pt", "--backbone", source, "--output", back)
        return reference.File(source), reference.File(back), back

    def same(self, source):
        a, b, back = self.there_and_back(source)
        tensors = {n: x for n, x in a.tensor.items() if not n.startswith("memory.background.")}    # made again after training
        self.assertEqual(tensors.keys(), b.tensor.keys())
        for name, x in tensors.items():
            self.assertEqual((x.dtype, x.shape), (b.tensor[name].dtype, b.tensor[name].shape), name)
            if x.dtype == np.float32:
                # a latent's mean is one rounding away from the scale it was drawn for
                np.testing.assert_allclose(b.tensor[name], x, rtol=1e-6, err_msg=name)
            else:
                np.testing.assert_array_equal(b.tensor[name], x, name)
        for key in a.meta.keys() - {"bitmar.sha256", "bitmar.scores", "bitmar.training_data"}:
            if key.startswith(("bitmar.", "tokenizer.")) and not key.startswith(("bitmar.confidence.", "bitmar.alert.")):
                self.assertEqual(np.float32(a.meta[key]) if isinstance(a.meta[key], float) else a.meta[key], b.meta[key], key)
        return back

    def test_tiny(self):
        self.same(common.TINY)

    def test_words(self):
        self.same(common.ROOT / "tests" / "files" / "tiny-early.gguf")

    def test_shipped(self):
        back = self.same(common.SHIPPED)
        common.pictures(self.work / "pictures", 6)
        said = common.captions_of(common.SHIPPED, self.work / "pictures")
        self.assertEqual(len(said), 6)
        self.assertGreater(len(set(said)), 1)
        self.assertEqual(common.captions_of(back, self.work / "pictures"), said)

    def test_latents_are_not_the_rounded_weights(self):
        """They lie on both sides of the threshold, so that training can move them over it little by little."""
        run = self.work / "latents"
        self.call(start, "--model", common.SHIPPED, "--out", run)
        w = checkpoint.load(run / "start.pt")["model"]["decoder.blk.0.qkv.weight"]
        near = (w.abs() / net.ternary(w)[1][:, None] - 0.5).abs() < 0.1
        self.assertGreater(near.float().mean().item(), 0.05)


if __name__ == "__main__":
    unittest.main()
