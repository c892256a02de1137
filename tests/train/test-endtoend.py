# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tower and captioner learn from the pictures themselves: what is seen of them, what comes out, and that it becomes a backbone in integers."""
import json
import types
import unittest
from unittest import mock

import common
import numpy as np
import torch

import average
import backbone
import checkpoint
import endtoend
import integers
import net
import text
import tower
import train

SIZE = 64
# cout of each block, as backbone.load() and tower.FIRST expect them; nothing is widened inside a block, so that it is quick
BLOCKS = [16] + [24] * 3 + [48] * 3 + [88] * 4 + [120] * 4 + [208] * 5 + [352]


def float_backbone(path):
    """An EfficientNet-Lite of random weights."""
    g = torch.Generator().manual_seed(5)
    sd = {"_fc.weight": torch.randn(1000, 1280, generator=g) * 0.03, "_fc.bias": torch.zeros(1000)}

    def layer(conv, norm, cout, cin, k, gain=1.0):
        sd[conv + ".weight"] = torch.randn(cout, cin, k, k, generator=g) * (2 / (cin * k * k)) ** 0.5
        sd[norm + ".weight"], sd[norm + ".bias"] = torch.full((cout,), gain), torch.full((cout,), 0.2)
        sd[norm + ".running_mean"], sd[norm + ".running_var"] = torch.zeros(cout), torch.ones(cout)
    layer("_conv_stem", "_bn0", 32, 3, 3)
    cin = 32
    for i, cout in enumerate(BLOCKS):
        at = f"_blocks.{i}."
        if i:
            layer(at + "_expand_conv", at + "_bn0", cin, cin, 1)
        layer(at + "_depthwise_conv", at + "_bn1", cin, 1, 3)
        layer(at + "_project_conv", at + "_bn2", cout, cin, 1, 0.5)
        cin = cout
    layer("_conv_head", "_bn1", 1280, cin, 1)
    torch.save(sd, path)
    return path


class EndToEnd(common.Case):
    @classmethod
    def setUpClass(self):
        super().setUpClass()
        data = self.work / "data"
        captions = common.pictures(data / "few", 12)
        common.write_captions(data / "few.tsv", captions)
        self.weights = float_backbone(self.work / "float.pth")
        bb = backbone.load(self.weights, SIZE)
        images = tower.read_images([data / "few"], 12, SIZE)
        with torch.no_grad():
            backbone.calibrate(bb, images)
            backbone.correct_biases(bb, images)
        self.bb, self.images = bb, images
        checkpoint.save(bb, self.work / "backbone.pt")
        tok = text.train_bpe(list(captions.values()), 300)
        (self.work / "tokenizer.json").write_text(json.dumps({"tokens": tok.tokens, "merges": tok.merges}))
        edge = SIZE // 32
        cfg = net.Config(vocabulary=len(tok.tokens), d=32, channels=1280, early=480, early_blocks=12, tokens=edge * edge, bottleneck=32, text_layers=1, text_heads=2,
                         text_ff=32, fusion_layers=1, fusion_heads=2, fusion_ff=32, width=16, layers=1, heads=2, ff=32)
        torch.manual_seed(1)
        self.model = net.BitMar(cfg)
        checkpoint.save({"model": self.model.state_dict(), "config": cfg.dict(), "args": vars(train.options().parse_args(["--keep", "4"]))}, self.work / "start.pt")

    def setUp(self):
        self.cache = self.work / self._testMethodName

    def train(self, name, *options):
        self.call(endtoend, "--data", self.work / "data", "--sets", "few", "--cache", self.cache, "--checkpoint", self.work / "start.pt",
                         "--backbone", self.work / "backbone.pt", "--weights", self.weights, "--out", self.work / name, "--batch", 6, "--captions", 1, "--streams", 2,
                         "--steps", 4, "--log-every", 1, *options)
        return checkpoint.load(self.work / name / "last.pt")

    def eye(self):
        sets = [endtoend.Pictures(self.work / "data", checkpoint.folder(self.cache), "few", SIZE, 0)]
        return endtoend.Eye(self.bb, tower.Late(self.bb, False, self.weights).eval(), net.Config(**checkpoint.load(self.work / "start.pt")["config"]), sets), sets

    def test_views_are_cut_mirrored_and_lit(self):
        eye, sets = self.eye()
        torch.manual_seed(2)
        x = eye.views(torch.full((200,), 3))
        self.assertEqual(x.shape, (200, 3, SIZE, SIZE))
        self.assertTrue(torch.equal(x, x.round()) and x.min() >= 0 and x.max() <= 255)
        self.assertGreater(len({round(v.item()) for v in x.mean((1, 2, 3))}), 20)
        # a picture that is dark on its left only: half of the views are dark on the right
        half = np.zeros((1, SIZE, SIZE, 3), np.uint8)
        half[:, :, SIZE // 2:] = 200
        eye.pixels = torch.from_numpy(half)
        x = eye.views(torch.zeros(200, dtype=torch.long)).mean((1, 2))
        right = (x[:, -4:].mean(1) > x[:, :4].mean(1)).float().mean().item()
        self.assertTrue(0.35 < right < 0.65, right)

    def test_the_early_part_is_that_of_the_integers(self):
        eye, _ = self.eye()
        with mock.patch.object(eye, "views", lambda n: self.images[n].float()):
            got = eye.early(torch.arange(len(self.images)))
        kept = {}
        backbone.forward_int(self.bb, self.images, record=lambda c, y: kept.update({c.name: y}))
        want = kept[f"blk.{tower.FIRST - 1}.project"].flatten(1, 2)
        self.assertEqual(got.shape, want.shape)
        self.assertGreater(torch.nn.functional.cosine_similarity(got - 128, want - 128, dim=-1).mean().item(), 0.95)

    def test_both_are_trained_and_become_integers(self):
        saved = self.train("one", "--lr-tower", "1e-2")
        start = tower.Late(self.bb, False, self.weights).state_dict()
        self.assertFalse(torch.equal(saved["late"]["head.weight"], start["head.weight"]))
        self.assertTrue(torch.equal(saved["late"]["head.norm.running_var"], start["head.norm.running_var"]))     # the float part keeps its statistics
        self.assertFalse(torch.equal(saved["model"]["embed"], self.model.state_dict()["embed"]))
        self.train("two", "--seed", "2", "--lr-tower", "1e-2")
        both = average.mean([self.work / "one" / "last.pt", self.work / "two" / "last.pt"])
        other = checkpoint.load(self.work / "two" / "last.pt")
        self.assertTrue(torch.allclose(both["late"]["head.weight"], (saved["late"]["head.weight"] + other["late"]["head.weight"]) / 2))
        self.call(integers, "--checkpoint", self.work / "one" / "last.pt", "--backbone", self.work / "backbone.pt", "--weights", self.weights,
                         "--pictures", self.work / "data" / "few", "--count", "12", "--output", self.work / "whole.pt")
        whole = backbone.read(self.work / "whole.pt")
        first = self.bb.blocks[tower.FIRST][0]
        self.assertTrue(all(torch.equal(a.q, b.q) for a, b in zip(whole.convs[:first], self.bb.convs[:first])))
        self.assertFalse(torch.equal(whole.convs[-1].q, self.bb.convs[-1].q))
        late = tower.Late(self.bb, False, self.weights).eval()
        tower.load(late, self.work / "one" / "last.pt")
        kept = {}
        codes = backbone.forward_int(whole, self.images, record=lambda c, y: kept.update({c.name: y}))
        with torch.no_grad():
            want = tower.as_codes(late(kept[f"blk.{tower.FIRST - 1}.project"].flatten(1, 2))[0])
        self.assertGreater(torch.nn.functional.cosine_similarity(codes.float(), want, dim=-1).mean().item(), 0.95)

    def test_ternary_after_a_time_of_teaching(self):
        saved = self.train("three", "--ternary", "--distil", "0.5", "--steps", "6")
        self.assertTrue(saved["ternary"])
        self.call(integers, "--checkpoint", self.work / "three" / "last.pt", "--backbone", self.work / "backbone.pt", "--weights", self.weights,
                         "--pictures", self.work / "data" / "few", "--count", "12", "--output", self.work / "whole.pt")
        head = backbone.read(self.work / "whole.pt").convs[-1]
        self.assertTrue(head.ternary and set(head.q.unique().tolist()) <= {-1.0, 0.0, 1.0})
        self.train("four")
        self.stops("its backbone was not trained as that of", average.mean, [self.work / "three" / "last.pt", self.work / "four" / "last.pt"])

    def test_self_critical_steps(self):
        saved = self.train("five", "--policy", "1", "--mix", "0.4", "--pictures", "3", "--samples", "3", "--steps", "2")
        self.assertEqual(saved["endtoend"], 2)

    def test_time_ends_it(self):
        self.assertLess(self.train("six", "--seconds", "0.5", "--steps", "100000")["endtoend"], 100000)

    def test_more_of_some(self):
        pictures = types.SimpleNamespace(names=["a-1", "b-1", "ab-2"])
        batches = types.SimpleNamespace(sets=[pictures], index=[(0, 0), (0, 1), (0, 2)])
        train.More(["a:3", "ab:2"])(batches)
        self.assertEqual(batches.index, [(0, 0)] * 3 + [(0, 1)] + [(0, 2)] * 3)
        for wrong in ("a", "a:", ":2", "a:0", "a:x"):
            self.stops("not PREFIX:TIMES", train.More, [wrong])

    def test_bad_input(self):
        self.eye()
        np.save(self.cache / "few.pixels.npy", np.zeros((12, 8, 8, 3), np.uint8))
        self.stops("made of other pictures or for another backbone", self.train, "seven")
        self.stops("--batch", self.train, "eight", "--batch", "0")
        self.cache = self.work / "other"
        self.stops("--device nowhere", self.train, "nine", "--device", "nowhere")


if __name__ == "__main__":
    unittest.main()
