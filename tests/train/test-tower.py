# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The trained part of the backbone: what is done to it before it trains does not change what it computes."""
import types
import unittest

import common
import torch

import tower


class Anchor(common.Case):
    def setUp(self):
        torch.manual_seed(3)
        self.norm = torch.nn.BatchNorm2d(8)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.01, 4)
        self.norm.weight.data.normal_()
        self.late = torch.nn.Sequential(self.norm)
        self.late.convs = lambda: [types.SimpleNamespace(norm=self.norm)]
        # other statistics than the norm's; the first channel is all but constant
        self.x = torch.randn(16, 8, 5, 5) * torch.linspace(1e-3, 2, 8)[None, :, None, None] + 1
        self.before = self.late.eval()(self.x)

    def test_the_function_stays(self):
        tower.anchor(self.late, [self.x])
        self.assertTrue(torch.allclose(self.late.eval()(self.x), self.before, atol=1e-4))

    def test_training_mode_is_the_same_function(self):
        self.assertFalse(torch.allclose(self.late.train()(self.x), self.before, atol=0.1))
        self.norm.running_mean.normal_()
        self.before = self.late.eval()(self.x)
        tower.anchor(self.late, [self.x])
        self.assertTrue(torch.allclose(self.late.train()(self.x), self.before, atol=0.02))


if __name__ == "__main__":
    unittest.main()
