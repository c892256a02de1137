# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import numpy as np
import torch


class SoftTargets:
    """What teacher.py has written of some sets."""

    def __init__(self, folder, sets):
        self.ids, self.odds, self.starts, self.first = [], [], [], []
        for s in sets:
            path = Path(folder) / f"{s.name}.teacher.npz"
            try:
                saved = np.load(path)
                ids, chances, starts = saved["ids"], saved["odds"], saved["starts"]
            except (OSError, ValueError, KeyError) as e:
                raise SystemExit(f"{path}: not what teacher.py writes: {e}") from None
            first = np.cumsum([0] + [len(cs) for cs in s.captions])
            if len(starts) != first[-1] + 1 or starts[-1] != len(ids) or ids.shape != chances.shape:
                raise SystemExit(f"{path}: of other captions than {s.name} has; run teacher.py again")
            self.ids.append(ids)
            self.odds.append(chances)
            self.starts.append(starts)
            self.first.append(first)

    def of(self, s, picture, caption):
        """-> ids, odds [words, MOST] of one caption of a picture of set s"""
        n = self.first[s][picture] + caption
        at = slice(self.starts[s][n], self.starts[s][n + 1])
        return self.ids[s][at], self.odds[s][at]

    def batch(self, picked, places):
        """picked: (set, picture, caption) -> ids, odds [captions, places, MOST], zero where there is no word"""
        most = self.ids[0].shape[1]
        ids, chances = np.zeros((len(picked), places, most), np.int64), np.zeros((len(picked), places, most), np.float32)
        for row, one in enumerate(picked):
            i, p = self.of(*one)
            ids[row, :len(i)], chances[row, :len(p)] = i[:places], p[:places]
        return torch.from_numpy(ids), torch.from_numpy(chances)
