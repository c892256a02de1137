# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What training on streams and on early codes stands on: the decoder over a whole stream is the decoder of single looks where it has no past, and the early
codes that features.py and the tower put beside the features are the engine's."""
import unittest

import common
import numpy as np
import torch

import features
import net
import streams
import tower
from reference import File, backbone
from text import BOS, EOS, PAD

TINY_EARLY = common.ROOT / "tests" / "files" / "tiny-early.gguf"


class Decode(common.Case):
    def setUp(self):
        torch.manual_seed(4)
        c = net.Config(vocabulary=40, d=32, channels=16, tokens=6, bottleneck=16, text_layers=1, text_heads=2, text_ff=32, fusion_layers=1, fusion_heads=2,
                       fusion_ff=32, width=16, layers=2, heads=2, ff=32)
        self.model = net.BitMar(c, 0.0).eval()
        self.v = torch.randn(4, 3, 6, 32)
        self.cond = torch.randn(4, 3, 32)
        self.ids = torch.full((4, 3, 7), PAD)
        for row in self.ids.flatten(0, 1):
            n = int(torch.randint(1, 5, ()))
            row[:n + 2] = torch.cat([torch.tensor([BOS]), torch.randint(4, 40, (n,)), torch.tensor([EOS])])
        self.alone = torch.tensor([True, False, True, False])

    def single(self, look):
        m = self.model
        x = m.embedding(self.ids[:, look])[:, None]
        return m.decoder(x, self.cond[:, look:look + 1], m.decoder.sink_kv(), m.decoder.frame_kv(self.v[:, look]), m.drop)[:, 0]

    def off(self, look, rows, got):
        said = (self.ids[:, look] != PAD) & rows[:, None]
        return (got[:, look] - self.single(look))[said].abs().max().item()

    @torch.no_grad()
    def test_no_past(self):
        got = streams.decode(self.model, self.v, self.cond, self.ids, self.alone)
        everybody = torch.ones(4, dtype=torch.bool)
        self.assertLess(self.off(0, everybody, got), 0.05)               # bf16
        for look in (1, 2):
            self.assertLess(self.off(look, self.alone, got), 0.05)
            self.assertGreater(self.off(look, ~self.alone, got), 0.1, "history changes nothing")

    def test_hidden_channels(self):
        c = net.Config(channels=200, early=100)
        codes = torch.full((30, 5, 300), 7, dtype=torch.uint8)
        self.assertTrue(torch.equal(net.hidden(c, codes, 0.0), codes))
        got = net.hidden(c, codes, 0.8)
        gone = got != 7
        self.assertTrue((got[..., :200][gone[..., :200]] == 0).all() and (got[..., 200:][gone[..., 200:]] == 128).all(), "not what no signal looks like")
        self.assertTrue((gone == gone[:, :1]).all(), "not the same channels in all places of a picture")
        share = gone[:, 0].float().mean(1)
        self.assertLess(share.max(), 0.9)
        self.assertGreater(share.max() - share.min(), 0.3, "the same share in all pictures")

    @torch.no_grad()
    def test_nothing_comes_from_what_is_to_come(self):
        before = streams.decode(self.model, self.v, self.cond, self.ids, self.alone)
        self.v[:, 2], self.ids[:, 2, 1] = 0, 5
        after = streams.decode(self.model, self.v, self.cond, self.ids, self.alone)
        self.assertTrue(torch.equal(before[:, :2][self.ids[:, :2] != PAD], after[:, :2][self.ids[:, :2] != PAD]))


class Early(common.Case):
    def setUp(self):
        self.f = File(TINY_EARLY)
        n = self.f["vision.image_size"]
        self.image = np.random.default_rng(1).integers(0, 256, (n, n, 3), dtype=np.uint8)

    def test_engine(self):
        engine = features.Engine(common.ENGINE, TINY_EARLY)
        self.assertEqual(engine.early, (64, 2))
        self.assertTrue((engine(self.image[None])[0] == backbone(self.f, self.image)).all())
        engine.close()

    def test_beside(self):
        """Of a file that has none, they are those of the same file with them."""
        plain = self.work / "plain.gguf"
        keep = File(TINY_EARLY).meta
        self.assertIn("bitmar.vision.early_blocks", keep)
        common.rewrite(TINY_EARLY, plain, drop=("bottleneck.early.weight", "bottleneck.early.scale"), without=("bitmar.vision.early_blocks",))
        both = features.Beside(common.ENGINE, plain, 2)
        self.assertEqual(both.early, (64, 2))
        self.assertTrue((both(self.image[None])[0] == backbone(self.f, self.image)).all())
        both.close()
        self.stops("has early codes already", features.Beside, common.ENGINE, TINY_EARLY, 2)

    def test_tower(self):
        want = backbone(self.f, self.image)[:, -64:]
        first = features.Engine(common.ENGINE, TINY_EARLY, 2)
        codes = torch.from_numpy(first(self.image[None]))
        first.close()
        cfg = net.Config(tokens=int(self.f["vision.tokens"]), early=64, early_blocks=2)
        got = tower.seen(cfg, codes, torch.zeros(1, cfg.tokens, 32))
        self.assertTrue((got[0, :, 32:].numpy() == want).all())


if __name__ == "__main__":
    unittest.main()
