# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What several captioners hold the words to be is written down place by place, found again by picture and caption, and learnt from."""
import argparse
import types
import unittest

import common
import numpy as np
import torch

import net
import soft_targets
import teacher
import train
from text import BOS, EOS, PAD


class Letters:
    """A token a letter."""

    def encode_caption(self, caption):
        return [4 + ord(c) - ord("a") for c in caption]


class Teach(common.Case):
    def setUp(self):
        torch.manual_seed(7)
        self.config = net.Config(vocabulary=40, d=32, channels=16, tokens=6, bottleneck=16, text_layers=1, text_heads=2, text_ff=32, fusion_layers=1,
                                 fusion_heads=2, fusion_ff=32, width=16, layers=2, heads=2, ff=32)
        self.models = [net.BitMar(self.config, 0.0).eval() for _ in range(2)]
        codes = np.random.default_rng(1).integers(0, 255, (3, 6, 16), dtype=np.uint8)
        self.set = types.SimpleNamespace(name="few", names=["one", "two", "three"], views=[codes], captions=[["abc", "de"], ["fghij"], ["k", "lmn"]])

    def write(self, **changed):
        ids, odds, starts = teacher.soft_targets(self.models, Letters(), self.set, 4)
        saved = {"ids": ids, "odds": odds, "starts": starts, **changed}
        np.savez(self.work / "few.teacher.npz", **saved)
        return soft_targets.SoftTargets(self.work, [self.set])

    def test_odds_are_the_mean_of_the_captioners(self):
        t = self.write()
        for picture, caption in ((0, 1), (1, 0), (2, 1)):
            text = self.set.captions[picture][caption]
            ids = torch.tensor(teacher.lines(Letters(), text, 4))[None, None]
            with torch.no_grad():
                want = sum(teacher.odds(m, torch.from_numpy(self.set.views[0][picture:picture + 1]), ids) for m in self.models) / 2
            got_ids, got = t.of(0, picture, caption)
            self.assertEqual(len(got), min(len(text) + 1, 4))         # its end is a word, too, where it is not cut
            best = want.topk(teacher.MOST, -1)
            best = best.values / best.values.sum(-1, keepdim=True)
            self.assertLess(np.abs(got.astype(np.float32) - best.numpy()).max(), 0.01)
            self.assertLess(np.abs(got.astype(np.float32).sum(-1) - 1).max(), 0.01)
            self.assertLess(got_ids.max(), 40)

    def test_a_batch_has_them_in_place_and_nothing_after(self):
        t = self.write()
        ids, odds = t.batch([(0, 1, 0), (0, 2, 0)], 6)
        self.assertEqual(ids.shape, (2, 6, teacher.MOST))
        self.assertTrue(np.allclose(odds[0, :4], t.of(0, 1, 0)[1]) and np.array_equal(ids[1, :2], t.of(0, 2, 0)[0]))
        self.assertEqual(odds[1, 2:].abs().sum(), 0)

    def test_what_is_learnt(self):
        logits, target = torch.randn(3, 40), torch.tensor([[[5, EOS, PAD]], [[6, PAD, PAD]]])
        live = target != PAD
        sure = torch.zeros(2, 1, 3, 2, dtype=torch.long)
        sure[..., 0] = target.squeeze(1)[:, None]
        odds = torch.zeros(2, 1, 3, 2)
        odds[..., 0] = 1
        args = argparse.Namespace(smoothing=0.0, teach=0.7)
        plain = train.caption_loss(logits, target, live, {"soft": None, "prompts": []}, args)
        same = train.caption_loss(logits, target, live, {"soft": (sure.flatten(0, 1), odds.flatten(0, 1)), "prompts": []}, args)
        self.assertAlmostEqual(plain.item(), same.item(), 5)          # a teacher that says what the caption says
        sure[..., 0] = 7
        other = train.caption_loss(logits, target, live, {"soft": (sure.flatten(0, 1), odds.flatten(0, 1)), "prompts": []}, args)
        self.assertNotAlmostEqual(plain.item(), other.item(), 2)
        steered = train.caption_loss(logits, target, live, {"soft": (sure.flatten(0, 1), odds.flatten(0, 1)), "prompts": [(0, []), (1, [])]}, args)
        self.assertAlmostEqual(plain.item(), steered.item(), 5)       # what is steered has no teacher

    def test_of_other_captions(self):
        self.write()
        self.set.captions[0].append("more")
        with self.assertRaisesRegex(SystemExit, "few.teacher.npz: of other captions"):
            soft_targets.SoftTargets(self.work, [self.set])
        (self.work / "few.teacher.npz").write_bytes(b"no")
        with self.assertRaisesRegex(SystemExit, "few.teacher.npz: not what teacher.py writes"):
            soft_targets.SoftTargets(self.work, [self.set])
        with self.assertRaisesRegex(SystemExit, "teacher.npz"):
            soft_targets.SoftTargets(self.work / "nowhere", [self.set])

    def test_a_cut_caption_is_cut_as_the_student_cuts_it(self):
        self.assertEqual(teacher.lines(Letters(), "fghij", 4), net.padded([[BOS] + Letters().encode_caption("fghij") + [EOS]], limit=5)[0].tolist())


if __name__ == "__main__":
    unittest.main()
