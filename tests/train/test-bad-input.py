# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the trainers and the exporter are given that they can't use: each names it in a line, stops, and leaves nothing half-written."""
import json
import subprocess
import sys
import unittest
from pathlib import Path

import common
import numpy as np
import torch

import average
import calibrate
import checkpoint
import choose
import evaluate
import export
import features
import finetune
import quantise
import reference
import reinforce
import start
import text
import train

CAN_NOT = "can't be written into"


class BadInput(common.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data, cls.cache, cls.started = (cls.work / n for n in ("data", "cache", "run"))
        for name, count in (("some", 12), ("dev", 4)):
            common.write_captions(cls.data / f"{name}.tsv", common.pictures(cls.data / name, count))
        for name, views in (("some", 2), ("dev", 1)):
            cls.features(name, views)
        cls.call(start, "--model", common.TINY, "--out", cls.started)
        cls.good = cls.started / "start.pt"

    @classmethod
    def features(cls, name, views=1, data=None, model=common.TINY, cache=None):
        cls.call(features, "--data", data or cls.data, "--sets", name, "--views", views, "--cache", cache or cls.cache,
                 "--engine", common.ENGINE, "--model", model)

    # ---- Programs, each as a function of the checkpoint it reads and where it writes ----
    def sets(self):
        return "--data", self.data, "--cache", self.cache, "--sets", "some", "--dev", "dev"

    def train(self, saved, out, *more):
        self.call(train, *self.sets(), "--start", saved, "--out", out, "--epochs", 1, "--batch", 4, *more)

    def reinforce(self, saved, out, *more):
        self.call(reinforce, *self.sets(), "--checkpoint", saved, "--out", out, "--steps", 1, "--pictures", 4, *more)

    def finetune(self, saved, out):
        self.call(finetune, *self.sets(), "--late", self.cache, "--checkpoint", saved, "--backbone", self.good, "--out", out)

    def average(self, saved, out):
        self.call(average, "--output", Path(out) / "mean.pt", saved)

    def choose(self, saved, out):
        self.call(choose, "--data", self.data, "--cache", self.cache, "--dev", "dev", "--output", Path(out) / "best.pt", saved)

    def export(self, saved, out):
        self.call(export, "--checkpoint", saved, "--backbone", common.TINY, "--output", Path(out) / "new.gguf")

    # ---- Checkpoints ----
    def faulty(self, name, change):
        """The good checkpoint with a fault, in a folder of its own with the tokenizer."""
        folder = self.work / f"faulty-{name}"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_bytes((self.started / "tokenizer.json").read_bytes())
        saved = torch.load(self.good, weights_only=True)
        changed = change(saved)
        torch.save(saved if changed is None else changed, folder / "start.pt")
        return folder / "start.pt"

    def test_checkpoints(self):
        tensor = "decoder.blk.0.out.weight"

        def spoilt(value):
            def change(saved):
                saved["model"][tensor][0, 0] = value
            return change

        def missing(saved):
            del saved["model"][tensor]
        faults = {
            "missing": (missing, f"tensor {tensor} is missing"),
            "more": (lambda s: s["model"].update(x=torch.zeros(1)), "tensor x is not known"),
            "misshapen": (lambda s: s["model"].update({tensor: torch.zeros(3, 5)}), f"tensor {tensor} has the shape (3, 5), not ("),
            "nan": (spoilt(float("nan")), f"tensor {tensor} has values that are not finite"),
            "infinite": (spoilt(float("inf")), f"tensor {tensor} has values that are not finite"),
            "wider": (lambda s: s["config"].update(d=2 * s["config"]["d"]), "has the shape"),
            "deeper": (lambda s: s["config"].update(layers=s["config"]["layers"] + 1), "is missing"),
            "another": (lambda s: s["config"].update(experts=8), "another architecture: 'experts' is not known"),
            "impossible": (lambda s: s["config"].update(d=-1), "impossible settings"),
            "no checkpoint": (lambda s: {"weights": s["model"]}, "not a checkpoint of train.py"),
            "a tensor": (lambda s: torch.zeros(3), "not a checkpoint of train.py"),
        }
        out = self.work / "out"
        for name, (change, words) in faults.items():
            saved = self.faulty(name, change)
            for program in (self.train, self.reinforce, self.finetune, self.average, self.choose, self.export):
                with self.subTest(fault=name, program=program.__name__):
                    self.stops([saved, words], program, saved, out)
                    for left in ("new.gguf", "new.gguf.part", "mean.pt", "best.pt", "last.pt"):
                        self.assertFalse((out / left).exists(), left)

    def test_files_that_are_no_checkpoints(self):
        words = self.work / "words.pt"
        words.write_text("no weights at all")
        half = self.work / "half.pt"
        half.write_bytes(self.good.read_bytes()[:5000])
        for path, said in ((words, "not a checkpoint"), (half, "not a checkpoint"), (self.work / "none.pt", "No such file")):
            for program in (self.train, self.average, self.export):
                self.stops([path, said], program, path, self.work / "out")

    def test_tokenizers(self):
        def with_tokenizer(name, content):
            saved = self.faulty(name, lambda s: None)
            (saved.parent / "tokenizer.json").write_text(content)
            return saved
        tokens = json.loads((self.started / "tokenizer.json").read_text())
        less = json.dumps({**tokens, "tokens": tokens["tokens"][:-1]})
        self.stops("tokens, but", self.export, with_tokenizer("fewer-tokens", less), self.work / "out")
        self.stops("not a tokenizer", self.export, with_tokenizer("no-tokenizer", "[1"), self.work / "out")

    # ---- Places to write to ----
    def test_folders_that_can_not_be_written(self):
        for program in (self.train, self.reinforce, self.finetune, self.average, self.choose, self.export):
            with self.subTest(program=program.__name__):
                self.stops(["/dev/null", CAN_NOT], program, self.good, "/dev/null")
        nowhere = "/dev/null/x"
        self.stops(CAN_NOT, self.call, start, "--model", common.TINY, "--out", nowhere)
        self.stops(CAN_NOT, self.call, quantise, "--pictures", self.data / "dev", "--output", nowhere)
        self.stops(CAN_NOT, lambda: self.features("dev", cache=Path(nowhere)))
        self.stops(CAN_NOT, self.call, evaluate, "--bitmar", common.BITMAR, "--data", self.data, "--sets", "dev", "--out", nowhere)

    # ---- Training ----
    def test_a_loss_that_is_not_finite(self):
        out = self.work / "diverges"
        self.train(self.good, out)
        before = (out / "last.pt").read_bytes()
        self.stops("epoch 2 ", self.train, self.good, out, "--epochs", 2, "--lr", 1e38)
        self.assertTrue((out / "last.pt").read_bytes() == before)
        checkpoint.load(out / "last.pt")
        self.stops("not finite", checkpoint.check, {"x": torch.tensor([1.0, float("nan")])}, {"x": (2,)}, "after epoch 1")

        def broken(*args):
            return (torch.full((), float("nan"), requires_grad=True),) * 3
        kept, train.losses = train.losses, broken
        try:
            self.stops(["step 1", "nan"], self.train, self.good, out, "--epochs", 2)
            self.stops(["step 1", "nan"], self.reinforce, self.good, out)
        finally:
            train.losses = kept
        self.assertTrue((out / "last.pt").read_bytes() == before)

    def test_resuming_another_model(self):
        out = self.work / "resumed"
        self.train(self.good, out)
        self.stops("of another model", self.call, train, *self.sets(), "--out", out, "--epochs", 2, "--batch", 4)
        torch.save({**checkpoint.load(out / "last.pt"), "optimiser": None}, out / "last.pt")
        self.stops("optimiser", self.train, self.good, out)

    def test_fewer_pictures_than_a_batch_are_trained_on(self):
        out = self.work / "few"
        self.train(self.good, out, "--batch", 500)
        a, b = (checkpoint.load(p)["model"]["embed"] for p in (self.good, out / "last.pt"))
        self.assertFalse(torch.equal(a, b))

    # ---- Pictures, captions, cached codes ----
    def test_captions(self):
        bad = self.work / "bad.tsv"
        for content, words in ((b"", "no captions"), (b"\n \n", "no captions"), (b"a\tone\nb two\n", ":2: not picture<TAB>caption"),
                               (b"a\tone\n\nb\t\n", ":3: not picture<TAB>caption"), (b"\tone\n", ":1: not"), (b"a\t...\n", ":1: not"),
                               (b"a\tone\nb\tcaf\xe9\n", ":2: not UTF-8")):
            bad.write_bytes(content)
            for read in (text.read_captions, evaluate.read_references):
                self.stops([bad, words], read, bad)
        self.stops("No such file", text.read_captions, self.work / "none.tsv")
        bad.write_bytes("\ufeffx/a.JPG\tOne dog.\r\nb.c\ttwo\u2028dogs\r\n".encode())
        self.assertEqual(text.read_captions(bad), {"a": ["one dog"], "b.c": ["two dogs"]})

    def set_of(self, name, files, captions):
        folder = self.work / name
        (folder / "set").mkdir(parents=True)
        for file, data in files.items():
            (folder / "set" / file).write_bytes(data)
        common.write_captions(folder / "set.tsv", captions)
        return folder

    def test_pictures(self):
        good = next(f for f in (self.data / "some").iterdir() if f.suffix == ".png").read_bytes()
        jpeg = next(f for f in (self.data / "some").iterdir() if f.suffix == ".JPG").read_bytes()
        one = {"a": "a circle"}
        for name, files, words in (("cut", {"a.jpg": jpeg[:len(jpeg) // 2]}, "a: can't be decoded"), ("empty", {"a.png": b""}, "a: can't be decoded"),
                                   ("none", {"a.txt": b""}, "no pictures"), ("twice", {"a.png": good, "a.jpg": jpeg}, "a.jpg and a.png have the same name"),
                                   ("strangers", {"b.png": good}, "none of its 1 pictures has a caption")):
            with self.subTest(name):
                folder = self.set_of(name, files, one)
                self.stops([words], lambda: self.features("set", data=folder, cache=folder / "cache"))
                self.assertFalse(list(folder.glob("cache/*.npy")))
        folder = self.set_of("left out", {"a.png": good, "b.png": good, "._a.png": b"of a Mac"}, one)
        self.features("set", data=folder, cache=folder / "cache")
        self.assertEqual((folder / "cache" / "set.names").read_text(), "a\n")
        (folder / "set" / "a.png").rename(folder / "set" / "c.png")
        common.write_captions(folder / "set.tsv", {"c": "a circle"})
        self.stops("made of other pictures", lambda: self.features("set", data=folder, cache=folder / "cache"))

    def test_cached_codes(self):
        cache = self.work / "spoilt"
        cache.mkdir()

        def views(*shapes):
            for f in cache.iterdir():
                f.unlink()
            (cache / "some.names").write_text((self.cache / "some.names").read_text())
            for n, s in enumerate(shapes):
                np.save(cache / f"some.{n}.npy", np.zeros(s, np.uint8))
        shape = np.load(self.cache / "some.0.npy").shape

        def begin(sets="some"):
            self.call(train, "--data", self.data, "--cache", cache, "--sets", sets, "--dev", sets, "--start", self.good, "--out", self.work / "out",
                      "--epochs", 1)
        views(shape)
        self.stops("1 views of some, not 2", begin)
        views(shape, (shape[0] - 1, *shape[1:]))
        self.stops("not of the same pictures", begin)
        views((*shape[:2], 7), (*shape[:2], 7))
        self.stops("of another backbone", begin)
        (cache / "some.0.npy").write_bytes(b"\x93NUMPY and no more")
        self.stops("damaged", begin)
        self.stops("0 views of nothing", begin, "nothing")

    # ---- Model files ----
    def test_model_files(self):
        tiny = reference.File(common.TINY)
        scale, weight = "text.head.scale", "fusion.key.weight"
        nan = tiny.tensor[scale].copy()
        nan[0] = np.nan
        faults = {
            "architecture": (dict(architecture="llama"), "architecture 'llama', not 'bitmar'"),
            "missing": (dict(drop=[weight]), f"tensor {weight} is missing"),
            "misshapen": (dict(replace={weight: tiny.tensor[weight][:, :-4].copy()}), f"tensor {weight} has the shape"),
            "nan": (dict(replace={scale: nan}), f"tensor {scale} has values that are not finite"),
            "not ternary": (dict(replace={weight: np.full_like(tiny.tensor[weight], -1)}), f"tensor {weight} has codes that are not ternary"),
        }
        for name, (change, words) in faults.items():
            with self.subTest(name):
                path = common.rewrite(common.TINY, self.work / f"{name}.gguf", **change)
                self.stops([path, words], self.call, start, "--model", path, "--out", self.work / "started")
        self.assertFalse((self.work / "started" / "start.pt").exists())
        other = self.work / "architecture.gguf"
        self.stops("'llama'", self.call, export, "--checkpoint", self.good, "--backbone", other, "--output", self.work / "out.gguf")
        self.stops("'llama'", lambda: self.features("dev", model=other, cache=self.work / "other"))
        whole = common.rewrite(common.TINY, self.work / "whole.gguf")
        np.testing.assert_array_equal(reference.File(whole).tensor[weight], tiny.tensor[weight])

    def test_damaged_model_files(self):
        data = bytearray(common.TINY.read_bytes())
        data[-100] ^= 1
        flipped, half = self.work / "flipped.gguf", self.work / "half.gguf"
        flipped.write_bytes(data)
        half.write_bytes(data[:len(data) // 2])
        for path, words in ((flipped, "checksum"), (half, "not a GGUF file, or a damaged one"), (self.data / "some.tsv", "not a GGUF file"),
                            (self.work / "none.gguf", "No such file")):
            self.stops([path, words], self.call, start, "--model", path, "--out", self.work / "started")
        self.stops("checksum", self.call, export, "--checkpoint", self.good, "--backbone", flipped, "--output", self.work / "out.gguf")
        self.stops("not a backbone", self.call, export, "--checkpoint", self.good, "--backbone", self.good, "--output", self.work / "out.gguf")

    def test_a_backbone_with_a_tensor_missing(self):
        path = common.rewrite(common.TINY, self.work / "headless.gguf", drop=["vision.head.weight"])
        run = subprocess.run([sys.executable, common.TRAIN / "features.py", "--data", self.data, "--sets", "dev", "--views", "1", "--cache",
                              self.work / "headless", "--engine", common.ENGINE, "--model", path], capture_output=True, text=True)
        self.assertEqual(run.returncode, 1)
        self.assertIn("vision.head.weight", run.stderr)
        self.assertNotIn("Traceback", run.stderr)
        self.assertFalse(list((self.work / "headless").glob("*.npy")))

    def test_another_backbone_than_trained_on(self):
        self.stops("this backbone makes", self.call, export, "--checkpoint", self.good, "--backbone", common.SHIPPED, "--output",
                   self.work / "out.gguf")
        self.assertFalse(list(self.work.glob("out.gguf*")))

    # ---- What is measured ----
    def test_captions_to_measure(self):
        bad = self.work / "bad.json"
        measure = ["--data", self.data, "--sets", "dev", "--no-java"]
        for content, words in (("{", "not a file of captions"), ("{}", "no captions of dev"), ('{"dev": {"who": "a dog"}}', "no references for who")):
            bad.write_text(content)
            self.stops(words, self.call, evaluate, "--captions", bad, *measure)
        bad.write_text("{")
        self.stops("not what evaluate.py", self.call, calibrate, "--captions", bad, "--model", common.TINY, *measure)
        names = sorted(text.read_captions(self.data / "dev.tsv"))
        same = {"dev": {"captions": {n: {"text": "a red circle", "confidence": 0.5} for n in names}}}
        bad.write_text(json.dumps(same))
        self.stops("do not tell", self.call, calibrate, "--captions", bad, "--model", common.TINY, *measure)

    def test_the_recipe_s_words(self):
        recipe = [common.TRAIN / "recipe", "--data", self.data, "--work", self.work / "recipe"]
        for words, more in (("there is no stage paint", ["paint"]), ("there is no option --colour", ["--colour"]), ("--work needs a value", ["--work"])):
            run = subprocess.run([*recipe, *more], stderr=subprocess.PIPE, text=True)
            self.assertEqual(run.returncode, 2)
            self.assertIn(words, run.stderr)
        self.assertFalse((self.work / "recipe").exists())


if __name__ == "__main__":
    unittest.main()
