# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests beside it share: pictures and captions of our own making, damaged model files, the programs of models/train in this process."""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "models" / "train"
BUILD = Path(os.environ.get("BITMAR_BUILD", ROOT / "build"))
SHIPPED = ROOT / "models" / "weights" / "bitmar.gguf"
TINY = ROOT / "tests" / "files" / "tiny.gguf"                        # random weights
ENGINE = BUILD / "tests" / "models" / "dump-features"
BITMAR = BUILD / "pipelines" / "bitmar"
sys.path.insert(0, str(TRAIN))

import gguf                                                          # noqa: E402
import numpy as np                                                   # noqa: E402
from PIL import Image, ImageDraw                                     # noqa: E402

import export                                                        # noqa: E402

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 50), "blue": (40, 60, 220), "yellow": (240, 220, 40)}
GROUNDS = {"white": (250, 250, 250), "black": (10, 10, 10)}


def shape(kind, colour, ground, size=96):
    img = Image.new("RGB", (size + 20, size), GROUNDS[ground])
    draw, box = ImageDraw.Draw(img), (20, 16, size - 20, size - 16)
    if kind == "triangle":
        draw.polygon([(20, size - 16), (size - 20, size - 16), (size // 2, 16)], COLOURS[colour])
    else:
        (draw.ellipse if kind == "circle" else draw.rectangle)(box, COLOURS[colour])
    return img


def pictures(folder, count=24):
    """So many pictures, names with a space and capitals among them. -> {name: caption}"""
    folder.mkdir(parents=True, exist_ok=True)
    out = {}
    every = [(k, c, g) for g in GROUNDS for c in COLOURS for k in ("circle", "square", "triangle")]
    for n, (kind, colour, ground) in enumerate(every[:count]):
        name = f"{n:02} {kind}.{colour}"
        shape(kind, colour, ground).save(folder / (name + (".png", ".JPG", ".webp")[n % 3]))
        out[name] = f"a {colour} {kind} on {ground}"
    return out


def write_captions(path, captions):
    path.write_text("".join(f"{n}\t{c}\n" for n, c in captions.items()), encoding="utf-8")
    return path


def rewrite(source, target, drop=(), replace=None, architecture="bitmar", without=()):
    """A copy of a model file with another architecture, tensors (drop) or keys (without) left out or replaced, and its checksum made right again."""
    r, w = gguf.GGUFReader(source), gguf.GGUFWriter(target, architecture)
    for k, v in r.fields.items():
        if k.startswith("GGUF.") or k == "general.architecture" or k in without:
            continue
        if k == export.HASH_KEY:
            w.add_string(k, "0" * 64)
        elif v.types[0] == gguf.GGUFValueType.ARRAY:
            w.add_array(k, v.contents())
        else:
            w.add_key_value(k, v.contents(), v.types[0])
    for t in r.tensors:
        if t.name not in drop:
            w.add_tensor(t.name, (replace or {}).get(t.name, np.array(t.data)))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    export.seal(target)
    return target


def captions_of(model, folder):
    files = sorted(map(str, folder.iterdir()))
    run = subprocess.run([BITMAR, "caption", "--json", "--quiet", "--model", model, *files], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line)["text"] for line in run.stdout.splitlines()]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    @staticmethod
    def call(program, *argv):
        """A program of models/train, in this process. -> what it printed."""
        sys.argv = [program.__file__, *map(str, argv)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            program.main()
        return out.getvalue()

    def stops(self, words, function, *argv):
        """It ends with one line on standard error that has these words."""
        with self.assertRaises(SystemExit) as caught:
            with contextlib.redirect_stdout(io.StringIO()):
                function(*argv)
        said = caught.exception.code
        self.assertIsInstance(said, str, "an exit status without a word")
        self.assertNotIn("\n", said)
        for w in [words] if isinstance(words, str) else words:
            self.assertIn(str(w), said)

    def assertNothingBut(self, folder, *names):
        self.assertEqual(sorted(f.name for f in folder.iterdir()), sorted(names))
