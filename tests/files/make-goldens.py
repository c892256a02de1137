# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes golden/ and golden-prompt/: what models/train/reference.py makes of one picture with tiny.gguf, stage by stage.
To be run again whenever tiny.gguf changes.

    make-goldens.py tests/files"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "train"))
import reference                                                     # noqa: E402


def picture(n):
    y, x, c = np.meshgrid(np.arange(n), np.arange(n), np.arange(3), indexing="ij")
    return np.clip(128 + 110 * np.sin((2 * x + y + 9 * c) * 0.2) + ((x * 7 + y * 13) % 11 - 5), 0, 255).astype(np.uint8)


def main():
    files = Path(sys.argv[1])
    model = reference.Model(files / "tiny.gguf")
    image = picture(model.f["vision.image_size"])
    for folder, prompt in (("golden", ""), ("golden-prompt", "A red car, two people")):
        out, text, _ = model.stages(image, prompt)
        (files / folder).mkdir(exist_ok=True)
        image.tofile(files / folder / "image.rgb")
        (files / folder / "prompt.txt").write_text(prompt)
        (files / folder / "model.txt").write_text(model.f["sha256"])
        for name, x in out.items():
            x.tofile(files / folder / name)
        print(f"{folder}: {text!r}")


if __name__ == "__main__":
    main()
