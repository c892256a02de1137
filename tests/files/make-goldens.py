# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes golden/, golden-prompt/, golden-early/, golden-words/, golden-dinov2/ and golden-backbone/: what models/train/reference.py makes of one picture with tiny.gguf,
tiny-early.gguf, tiny-dinov2.gguf and tiny-backbone.gguf, stage by stage. To be run again whenever one of them changes. And golden-memory/:
what its memory recalls and where it writes.

    make-goldens.py tests/files"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "train"))
import reference                                                     # noqa: E402


def picture(n, turn=0):
    y, x, c = np.meshgrid(np.arange(n), np.arange(n), np.arange(3), indexing="ij")
    return np.clip(128 + 110 * np.sin((2 * x + y + 9 * c) * 0.2 + turn) + ((x * 7 + y * 13) % 11 - 5), 0, 255).astype(np.uint8)


def vision(f, image):
    """The stages that a backbone alone has."""
    tokens = reference.dinov2_tokens(f, image)
    return {"tokens.f32": tokens, "features.i8": reference.backbone(f, image)}


def write(folder, f, image, prompt, stages):
    folder.mkdir(exist_ok=True)
    image.tofile(folder / "image.rgb")
    (folder / "prompt.txt").write_text(prompt)
    (folder / "model.txt").write_text(f["sha256"])
    for name, x in stages.items():
        x.tofile(folder / name)


def remember(folder):
    """400 looks, each at one of 40 places, some of which come far more often, in a memory of 16 slots."""
    rng = np.random.default_rng(1)
    places = rng.standard_normal((40, 32))
    memory = reference.Memory(16, 32, np.float32(0.2), np.float32(22), np.float32(0.6), np.float32(0.9))
    keys, values, slots, recalled = [], [], [], []
    for _ in range(400):
        key = places[int(40 * rng.random() ** 3)] + 0.05 * rng.standard_normal(32)
        keys.append((key / np.sqrt(np.square(key).sum())).astype(np.float32))
        values.append(rng.standard_normal(32).astype(np.float32))
        recalled.append(memory.read(keys[-1])[0])
        slots.append(memory.write(keys[-1], values[-1]))
    folder.mkdir(exist_ok=True)
    np.array(keys).tofile(folder / "keys.f32")
    np.array(values).tofile(folder / "values.f32")
    np.array(recalled).tofile(folder / "recalled.f32")
    np.array(slots, np.int32).tofile(folder / "slots.i32")


def main():
    files = Path(sys.argv[1])
    remember(files / "golden-memory")
    # With golden-words' picture the words that are expected decide what is said.
    for name, folder, prompt in (("tiny.gguf", "golden", ""), ("tiny.gguf", "golden-prompt", "A red car, two people"),
                                 ("tiny-early.gguf", "golden-early", "A red car, two people"), ("tiny-early.gguf", "golden-words", ""),
                                 ("tiny-dinov2.gguf", "golden-dinov2", "A red car, two people")):
        model = reference.Model(files / name)
        image = picture(model.f["vision.image_size"], 9 if folder == "golden-words" else 0)
        out, text, _ = model.stages(image, prompt)
        if model.f["vision.backbone"] == "dinov2":
            out |= vision(model.f, image)
        write(files / folder, model.f, image, prompt, out)
        print(f"{folder}: {text!r}")
    alone = reference.File(files / "tiny-backbone.gguf")
    image = picture(alone["vision.image_size"])
    write(files / "golden-backbone", alone, image, "", vision(alone, image))


if __name__ == "__main__":
    main()
