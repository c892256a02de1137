# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import shutil
import tempfile

import torch
import torch.distributed


class Together:
    """Processes that train one model, a thread each, on a share of every step's pictures: two do more than one with two threads, which wait
    for each other at every product. Contrast is within a share."""

    def __init__(self, count):
        """To be made before anything else is: it forks."""
        self.count, self.number = count, 0
        if count == 1:
            return
        folder = tempfile.mkdtemp()
        for n in range(1, count):
            if os.fork() == 0:
                self.number = n
                break
        torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=self.number, world_size=count)
        self.wait()
        if self.number == 0:
            shutil.rmtree(folder)

    def wait(self):
        if self.count > 1:
            torch.distributed.barrier()

    def mean(self, parameters):
        """Of the gradients."""
        if self.count == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in grads]) / self.count
        torch.distributed.all_reduce(flat)
        for g, x in zip(grads, flat.split([g.numel() for g in grads])):
            g.copy_(x.view_as(g))
