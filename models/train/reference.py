# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""models/MODEL.md in executable form: the whole model in plain NumPy, from one GGUF file.

    reference.py MODEL PICTURE…                 captions
    reference.py MODEL --stages DIR PICTURE     every stage's output as raw files (see STAGES)

It shares no code with the trainer but the tokenizer, so that a mistake in either shows."""
import argparse
import hashlib
import io
import math
from pathlib import Path

import gguf
import numpy as np
from PIL import Image

from text import Tokenizer

f32 = np.float32
ASKED = 3                        # log-odds by which a prompt's words are taken to be likelier


class File:
    """Any file that is not a model of ours, or is damaged, is named, and the program ends."""

    def __init__(self, path):
        self.path = path
        try:
            data = Path(path).read_bytes()
            r = self.reader = gguf.GGUFReader(path)
            self.meta = {k: v.contents() for k, v in r.fields.items()}
            self.tensor = {t.name: np.array(t.data) for t in r.tensors}
        except OSError as e:
            raise SystemExit(f"{path}: {e.strerror}") from None
        except Exception:                                               # of every kind, as the file happens to be
            raise SystemExit(f"{path}: not a GGUF file, or a damaged one") from None
        if self.meta.get("general.architecture") != "bitmar":
            raise SystemExit(f"{path}: a model of the architecture {self.meta.get('general.architecture')!r}, not 'bitmar'")
        digest = str(self["sha256"])
        if hashlib.sha256(data.replace(digest.encode(), b"0" * 64, 1)).hexdigest() != digest:
            raise SystemExit(f"{path}: damaged: its checksum is not that of its content")

    def tokenizer(self):
        return Tokenizer(self["tokenizer.ggml.tokens"], [tuple(m.split(" ")) for m in self["tokenizer.ggml.merges"]])

    def confidence(self):
        """Temperature, bias, length and words of "Confidence", as a file without those keys has them where it has none."""
        return {k: float(self.meta.get("bitmar.confidence." + k, v)) for k, v in (("temperature", 1), ("bias", 0), ("length", 0), ("words", 0))}

    def __getitem__(self, key):
        key = key if "." in key and key in self.meta else "bitmar." + key
        if key not in self.meta:
            raise SystemExit(f"{self.path}: {key} is missing")
        return self.meta[key]


def unpack(rows):
    b = rows.view(np.uint8)
    c = np.stack([b >> s & 3 for s in (0, 2, 4, 6)], -1).reshape(rows.shape[0], -1)
    return c.astype(np.int32) - 1


def codes(x):
    """f32 [m, k] -> int8 codes as int32 [m, k], inverse rms of the codes f32 [m, 1]."""
    a = np.abs(x).max(-1, keepdims=True).astype(f32)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where(a > 0, np.clip(np.rint(x * (f32(127) / a)), -127, 127), 0).astype(np.int32)
        ss = np.square(q).sum(-1, keepdims=True)
        inv = np.where(ss > 0, f32(1) / np.sqrt(ss.astype(f32) / f32(x.shape[-1])), f32(0)).astype(f32)
    return q, inv


class Linear:
    def __init__(self, f, name, int8=False):
        w = f.tensor[name + ".weight"]
        self.w = (w.astype(np.int32) if int8 else unpack(w)).astype(np.float64)      # exact in float64
        self.scale = f.tensor[name + ".scale"]

    def of_codes(self, q, inv):
        acc = (q.astype(np.float64) @ self.w.T).astype(f32)
        return (acc * self.scale) * inv

    def __call__(self, x):
        return self.of_codes(*codes(x))


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v, heads, mask=None):
    """q [m, d], k and v [n, d] -> [m, d]."""
    m, d = q.shape
    hd = d // heads
    q, k, v = (x.reshape(len(x), heads, hd).transpose(1, 0, 2) for x in (q, k, v))
    s = q @ k.transpose(0, 2, 1) * f32(hd ** -0.5)
    if mask is not None:
        s = np.where(mask, s, -np.inf)
    return (softmax(s) @ v).transpose(1, 0, 2).reshape(m, d).astype(f32)


def rotate(x, heads, base, positions):
    """x [n, d] at integer positions [n]."""
    n, d = x.shape
    hd = d // heads
    step = np.rint(2.0 ** 32 * base ** (-2 * np.arange(hd // 2) / hd) / (2 * np.pi)).astype(np.uint64)
    phase = (np.asarray(positions, dtype=np.uint64)[:, None] * step) & np.uint64(0xFFFFFFFF)
    angle = phase.astype(np.float64) * (2 * np.pi / 2 ** 32)
    c, s = np.cos(angle).astype(f32)[:, None], np.sin(angle).astype(f32)[:, None]
    x = x.reshape(n, heads, hd)
    a, b = x[..., :hd // 2], x[..., hd // 2:]
    return np.concatenate([a * c - b * s, a * s + b * c], -1).reshape(n, d)


def ffn(up, down, x):
    return down(np.square(np.maximum(up(x), 0)))


# ---- Backbone: DINOv2 -------------------------------------------------------------------------------
def dense(f, name, x):
    """A linear of one of the three kinds. The chain of fused multiply-adds of f16 is stood for by a sum in f64, rounded once."""
    w, scale, bias = (f.tensor[f"{name}.{part}"] for part in ("weight", "scale", "bias"))
    if w.dtype == np.float16:
        return (x.astype(np.float64) @ w.T.astype(np.float64)).astype(f32) * scale + bias
    w = unpack(w) if w.shape[1] * 4 == x.shape[1] else w
    acc = (codes(x)[0].astype(np.float64) @ w.T.astype(np.float64)).astype(f32)
    return (acc * scale) * (np.abs(x).max(-1, keepdims=True) / f32(127)) + bias


def layer_norm(f, name, x):
    d = f32(x.shape[1])
    centred = x - x.sum(-1, keepdims=True) / d
    r = f32(1) / np.sqrt(np.square(centred).sum(-1, keepdims=True) / d + f32(f["vision.epsilon"]))
    return (centred * r) * f.tensor[name + ".weight"] + f.tensor[name + ".bias"]


def gelu(x):
    erf = np.frompyfunc(math.erf, 1, 1)
    return (0.5 * x * (1 + erf(x.astype(np.float64) / math.sqrt(2)).astype(np.float64))).astype(f32)


def dinov2_tokens(f, image):
    """u8 [size, size, 3] -> the patches' tokens f32 [g * g, channels]."""
    n, g, d = f["vision.patch"], f["vision.image_size"] // f["vision.patch"], f["vision.channels"]
    x = (image.astype(f32) / f32(255) - np.array(f["vision.mean"], f32)) / np.array(f["vision.std"], f32)
    patches = x.reshape(g, n, g, n, 3).transpose(0, 2, 1, 3, 4).reshape(g * g, -1)
    position = f.tensor["vision.position"]
    tokens = [(f.tensor["vision.cls"] + position[0])[None]]
    if f["vision.registers"]:
        tokens.append(f.tensor["vision.registers"].reshape(-1, d))
    x = np.concatenate(tokens + [dense(f, "vision.patch", patches) + position[1:]])
    for i in range(f["vision.layers"]):
        b = f"vision.blk.{i}."
        q, k, v = np.split(dense(f, b + "qkv", layer_norm(f, b + "norm1", x)), 3, 1)
        x = x + dense(f, b + "out", attend(q, k, v, f["vision.heads"]))
        x = x + dense(f, b + "down", gelu(dense(f, b + "up", layer_norm(f, b + "norm2", x))))
    return layer_norm(f, "vision.norm", x)[1 + f["vision.registers"]:]


def pooled(f, tokens):
    """f32 [g * g, d] -> [P, d]: means of pool x pool neighbours."""
    n = f["vision.pool"]
    edge = f["vision.image_size"] // f["vision.patch"] // n
    x = tokens.reshape(edge, n, edge, n, -1)
    out = 0
    for y in range(n):
        for z in range(n):
            out = out + x[:, y, :, z]
    return (out * f32(1 / n ** 2)).reshape(edge * edge, -1)


# ---- Backbone: EfficientNet-Lite --------------------------------------------------------------------
def conv(f, name, x, kind, stride, kernel, res=None):
    """x u8 [h, w, c] -> u8 [h', w', cout]; all sums in float64, which is exact here."""
    w = f.tensor[name + ".weight"]
    c = x.shape[2]
    if kind == "dw" or kind == "stem":
        h, wd = x.shape[:2]
        oh, ow = -(-h // stride), -(-wd // stride)
        ph, pw = (max((o - 1) * stride + kernel - n, 0) for o, n in ((oh, h), (ow, wd)))
        pad = np.pad(x, ((ph // 2, ph - ph // 2), (pw // 2, pw - pw // 2), (0, 0)),
                     constant_values=128 if kind == "stem" else 0).astype(np.float64)
        acc = 0
        for ky in range(kernel):
            for kx in range(kernel):
                part = pad[ky:ky + (oh - 1) * stride + 1:stride, kx:kx + (ow - 1) * stride + 1:stride]
                tap = ky * kernel + kx
                acc = acc + (part * w[tap] if kind == "dw" else part @ w[:, tap * 3:tap * 3 + 3].T.astype(np.float64))
    else:
        t = unpack(w) if w.shape[1] * 4 == c else w
        acc = x.reshape(-1, c).astype(np.float64) @ t.T.astype(np.float64)
        acc = acc.reshape(*x.shape[:2], -1)
    y = (acc + f.tensor[name + ".bias"]).astype(f32) * f.tensor[name + ".mult"]
    if res is not None:
        y = y + (res.astype(f32) - f32(128)) * f.tensor[name + ".rmult"][0]
    return np.clip(np.rint(y) + (128 if kind == "project" else 0), 0, 255).astype(np.uint8)


def early_factor(f):
    """A frame token covers factor x factor places of the early block that the model looks at too. -> 0: there is none."""
    blocks = f.meta.get("bitmar.vision.early_blocks", 0)
    if not blocks:
        return 0
    edge = -(-f["vision.image_size"] // 2)
    for stride in f["vision.stride"][:blocks]:
        edge = -(-edge // stride)
    return -(-edge // math.isqrt(f["vision.tokens"]))


def early_channels(f):
    n = early_factor(f)
    return n * n * int(f["vision.channels_out"][f["vision.early_blocks"] - 1]) if n else 0


def gathered(f, x):
    """u8 [edge, edge, c] -> [P, factor * factor * c], 128 where the grids don't meet."""
    n, grid = early_factor(f), math.isqrt(f["vision.tokens"])
    pad = grid * n - x.shape[0]
    x = np.pad(x, ((0, pad), (0, pad), (0, 0)), constant_values=128)
    return x.reshape(grid, n, grid, n, -1).transpose(0, 2, 1, 3, 4).reshape(grid * grid, -1)


def backbone(f, image):
    """u8 [size, size, 3] -> u8 [P, channels + early], or int8 codes of pooled floats."""
    if f["vision.backbone"] == "dinov2":
        return codes(pooled(f, dinov2_tokens(f, image)))[0].astype(np.int8)
    x, early = conv(f, "vision.stem", image, "stem", 2, 3), []
    table = zip(f["vision.kernel"], f["vision.stride"], f["vision.expand"], f["vision.channels_out"])
    for i, (k, s, e, cout) in enumerate(table):
        n, y = f"vision.blk.{i}.", x
        if e:
            y = conv(f, n + "expand", y, "expand", 1, 1)
        y = conv(f, n + "dw", y, "dw", s, k)
        res = x if n + "project.rmult" in f.tensor else None
        x = conv(f, n + "project", y, "project", 1, 1, res)
        if i + 1 == f.meta.get("bitmar.vision.early_blocks", 0):
            early = [gathered(f, x)]
    return np.concatenate([conv(f, "vision.head", x, "head", 1, 1).reshape(-1, f["vision.channels"])] + early, 1)


class Memory:
    """Stage 4. keys are unit vectors; slots are filled from 0 upwards."""

    def __init__(self, slots, width, rate, sharpness, threshold, merge):
        self.slots, self.rate, self.sharpness, self.threshold, self.merge = slots, rate, sharpness, threshold, merge
        self.keys, self.values = np.zeros((0, width), f32), np.zeros((0, width), f32)
        self.use, self.touched, self.clock = [], [], 0

    def touch(self, slot):
        self.clock += 1
        self.touched[slot] = self.clock
        self.use[slot] += 1

    def read(self, key):
        """-> recalled, novelty."""
        if not len(self.keys):
            return np.zeros(self.values.shape[1], f32), 1.0
        s = self.keys @ key
        a = self.sharpness * (s - self.threshold)
        top = max(a.max(), 0)
        a = np.exp(a - top) / (np.exp(-top) + np.exp(a - top).sum())
        self.touch(int(s.argmax()))
        return (a @ self.values).astype(f32), 1 - min(1.0, max(0.0, float(s.max())))

    def least_worth(self):
        """The least sqrt(use) / age; of equals the oldest."""
        stale = [(-(self.clock - t) / math.sqrt(u), t, i) for i, (u, t) in enumerate(zip(self.use, self.touched))]
        return min(stale)[2]

    def write(self, key, value):
        """-> the slot."""
        s = self.keys @ key
        slot = int(s.argmax()) if len(s) else 0
        if len(s) and s[slot] >= self.merge:
            k = (1 - self.rate) * self.keys[slot] + self.rate * key
            n = float(np.square(k).sum())
            self.keys[slot] = k / math.sqrt(n) if n >= 1e-12 else key
            self.values[slot] = (1 - self.rate) * self.values[slot] + self.rate * value
        elif len(s) < self.slots:
            slot = len(s)
            self.keys, self.values = np.vstack([self.keys, key]), np.vstack([self.values, value])
            self.use.append(0)
            self.touched.append(0)
        else:
            slot = self.least_worth()
            self.keys[slot], self.values[slot], self.use[slot] = key, value, 0
        self.touch(slot)
        return slot


class Model:
    def __init__(self, path):
        f = self.f = File(path)
        self.tok = f.tokenizer()
        names = {n[:-7] for n in f.tensor if n.endswith(".weight") and not n.startswith(("vision.", "embed."))}
        self.lin = {n: Linear(f, n) for n in names}
        self.head = Linear(f, "embed", int8=True)
        self.base = f["rope.base"]
        self.sinks = self.sink_cache()

    # ---- Stages 1 to 3 ----
    def bottleneck(self, feat):
        channels = self.f["vision.channels"]
        h = self.lin["bottleneck.0"](feat[:, :channels].astype(f32))
        if feat.shape[1] > channels:
            h = h + self.lin["bottleneck.early"](feat[:, channels:].astype(f32) - f32(128))
        h = np.maximum(h, 0)
        return codes(self.lin["bottleneck.1"](h) + self.f.tensor["bottleneck.pos"])

    def embedding(self, ids):
        return self.head.w[ids].astype(f32) * self.head.scale[ids][:, None]

    def text(self, prompt=""):
        ids = [self.f["tokenizer.ggml.cls_token_id"]] + (self.tok.encode_caption(prompt) if prompt else [])
        if len(ids) > self.f["text.context"]:
            raise ValueError(f"{len(ids)} tokens, the context has {self.f['text.context']}")
        x, h = self.embedding(ids), self.f["text.heads"]
        pos = range(len(ids))
        for i in range(self.f["text.layers"]):
            b = f"text.blk.{i}."
            q, k, v = np.split(self.lin[b + "qkv"](x), 3, 1)
            a = attend(rotate(q, h, self.base, pos), rotate(k, h, self.base, pos), v, h)
            x = x + self.lin[b + "out"](a)
            x = x + ffn(self.lin[b + "up"], self.lin[b + "down"], x)
        return x

    def sentence(self, text):
        t = self.lin["text.head"](self.text(text)[:1])[0]
        return t / np.sqrt(np.square(t).sum())

    def fusion(self, t, v):
        x = t
        for i in range(self.f["fusion.layers"]):
            b = f"fusion.blk.{i}."
            k, w = np.split(self.lin[b + "kv"].of_codes(*v), 2, 1)
            x = x + self.lin[b + "out"](attend(self.lin[b + "q"](x), k, w, self.f["fusion.heads"]))
            x = x + ffn(self.lin[b + "up"], self.lin[b + "down"], x)
        key = self.lin["fusion.key"](x[:1])[0]
        return key / np.sqrt(np.square(key).sum()), self.lin["fusion.content"](x[:1])[0]

    def expected(self, feat, prompt=""):
        """u8 or int8 [P, channels + early] -> the words' expected weights, a unit vector [V], with a prompt's taken to be likelier; None where the model
        expects nothing."""
        if "bitmar.words.hidden" not in self.f.meta:
            return None
        t = self.f.tensor
        total = feat[:, :self.f["vision.channels"]].astype(np.int64).sum(0).astype(f32)
        x = (total - t["words.mean"]) * t["words.scale"]
        h = np.maximum(self.lin["words.hidden"](x[None]) + t["words.hidden.bias"], 0)
        z = (self.lin["words.out"](h) + t["words.out.bias"])[0]
        z[sorted(set(self.tok.encode_caption(prompt)) if prompt else ())] += f32(ASKED)
        x = (t["words.idf"] / (1 + np.exp(-z))).astype(f32)
        return x / np.sqrt(np.square(x).sum())

    def fit(self, expected, ids):
        """How well a caption has the words that are expected: a cosine."""
        words = sorted(set(ids))
        idf = self.f.tensor["words.idf"][words] if expected is not None else np.zeros(0, f32)
        length = float(np.sqrt(np.square(idf).sum()))
        return float((expected[words] * idf).sum()) / length if length > 0 else 0.0

    # ---- Stage 5 ----
    def sink_cache(self):
        x, h, out = self.f.tensor["decoder.sinks"], self.f["decoder.heads"], []
        mask = np.tril(np.ones((len(x), len(x)), bool))
        for i in range(self.f["decoder.layers"]):
            b = f"decoder.blk.{i}."
            q, k, v = np.split(self.lin[b + "qkv"](x), 3, 1)
            pos = range(len(x))
            q, k = rotate(q, h, self.base, pos), rotate(k, h, self.base, pos)
            out.append((k, v))
            x = x + self.lin[b + "out"](attend(q, k, v, h, mask))
            x = x + ffn(self.lin[b + "up"], self.lin[b + "down"], x)
        return out

    def start(self, v, content, recalled=None):
        """A fresh stream with one frame in it: everything a caption's steps need."""
        S, h = self.f["decoder.sinks"], self.f["decoder.heads"]
        c = np.concatenate([content, np.zeros_like(content) if recalled is None else recalled])[None]
        frame, cond = [], []
        for i in range(self.f["decoder.layers"]):
            k, w = np.split(self.lin[f"decoder.blk.{i}.frame_kv"].of_codes(*v), 2, 1)
            frame.append((rotate(k, h, self.base, [S] * len(k)), w))
            cond.append(self.lin[f"decoder.blk.{i}.cond"](c))
        return dict(frame=frame, cond=cond, pos=S + 1)

    def step(self, stream, token, tail):
        """tail: per layer (keys [t, d], values) of the caption so far. Returns logits [V] and the longer tail."""
        h, S, W = self.f["decoder.heads"], self.f["decoder.sinks"], self.f["decoder.window"]
        x, pos, out = self.embedding([token]), stream["pos"] + len(tail[0][0]), []
        for i in range(self.f["decoder.layers"]):
            b = f"decoder.blk.{i}."
            x = x + stream["cond"][i]
            q, k, v = np.split(self.lin[b + "qkv"](x), 3, 1)
            near, far = (rotate(q, h, self.base, [p]) for p in (pos, min(pos, S + W - 1)))
            tk = np.concatenate([tail[i][0], rotate(k, h, self.base, [pos])])
            tv = np.concatenate([tail[i][1], v])
            out.append((tk, tv))
            fk, fv = stream["frame"][i]
            wk, wv = np.concatenate([fk, tk])[-W:], np.concatenate([fv, tv])[-W:]
            sk, sv = self.sinks[i]
            hd = q.shape[1] // h
            def split(y):
                return y.reshape(len(y), h, hd).transpose(1, 0, 2)
            s = np.concatenate([split(far) @ split(sk).transpose(0, 2, 1), split(near) @ split(wk).transpose(0, 2, 1)], -1)
            a = softmax(s * f32(hd ** -0.5)) @ np.concatenate([split(sv), split(wv)], 1)
            x = x + self.lin[b + "out"](a.transpose(1, 0, 2).reshape(1, -1).astype(f32))
            x = x + ffn(self.lin[b + "up"], self.lin[b + "down"], x)
        return self.head(x)[0], out

    def beam_search(self, stream, width=None, expected=None):
        """-> ids (without eos), mean log-probability, finished. expected: of the picture's words, what captions are then chosen by too."""
        f = self.f
        share = f.meta.get("bitmar.words.weight", 0) if expected is not None else 0

        def ranked(total, n, ids):
            return total / n ** penalty + share * self.fit(expected, ids)
        width = width or f["decoder.beam"]
        pad, bos, eos, cls = (f[f"tokenizer.ggml.{n}_token_id"] for n in ("padding", "bos", "eos", "cls"))
        no_end, limit, penalty = set(f["decoder.no_end"]), f["decoder.max_tokens"], f["decoder.length_penalty"]
        again = f32(f.meta.get("bitmar.decoder.repetition_penalty", 0))
        d = f["embedding_length"]
        empty = [(np.zeros((0, d), f32), np.zeros((0, d), f32))] * f["decoder.layers"]
        live, done = [([], 0.0, 0.0, empty)], []          # ids, score, penalties in it, tail
        for _ in range(limit):
            pool = []
            tails = []
            for n, (ids, score, _, tail) in enumerate(live):
                z, tail = self.step(stream, ids[-1] if ids else bos, tail)
                tails.append(tail)
                z = z - (z.max() + np.log(np.exp(z - z.max()).sum()))
                z[[pad, bos, cls, *ids[-1:]]] = -np.inf
                z[[t for t in set(ids) if t not in no_end]] -= again
                if not ids or ids[-1] in no_end:
                    z[eos] = -np.inf
                best = np.argsort(-z, kind="stable")[:2 * width]
                pool += [(-(score + z[t]), n, t) for t in best]
            pool.sort()
            grown = []
            for rank, (negative, n, t) in enumerate(pool[:2 * width]):
                ids, _, penalties, _ = live[n]
                if t == eos:
                    if rank < width:
                        done.append((ranked(-negative, len(ids) + 1, ids), ids, (penalties - negative) / (len(ids) + 1), True))
                elif len(grown) < width:
                    penalties += again if t in ids and t not in no_end else 0
                    grown.append((ids + [int(t)], -negative, penalties, tails[n]))
            live = grown
            if len(done) >= width:
                break
        if not done:
            ids, score, penalties, _ = max(live, key=lambda b: ranked(b[1], len(b[0]), b[0]))
            mean = (score + penalties) / len(ids)
            while ids and ids[-1] in no_end:
                ids = ids[:-1]
            return ids, mean, False
        _, ids, mean, finished = max(done, key=lambda b: b[0])
        return ids, mean, finished

    # ---- A picture ----
    def image(self, data):
        n = self.f["vision.image_size"]
        img = Image.open(io.BytesIO(data)).convert("RGB")
        # Two calls: Pillow runs the vertical pass first on tall pictures, the engine never does.
        return np.asarray(img.resize((n, img.height), Image.BILINEAR).resize((n, n), Image.BILINEAR))

    def stages(self, image, prompt=""):
        feat = backbone(self.f, image)
        v = self.bottleneck(feat)
        key, content = self.fusion(self.text(), v)
        if prompt:
            _, content = self.fusion(self.text(prompt), v)
        stream = self.start(v, content)
        d = self.f["embedding_length"]
        empty = [(np.zeros((0, d), f32), np.zeros((0, d), f32))] * self.f["decoder.layers"]
        logits, _ = self.step(stream, self.f["tokenizer.ggml.bos_token_id"], empty)
        expected = self.expected(feat)
        ids, mean, finished = self.beam_search(stream, expected=self.expected(feat, prompt) if prompt else expected)
        channels = self.f["vision.channels"]
        feat = np.concatenate([feat[:, :channels].ravel(), feat[:, channels:].ravel()])          # as the engine keeps them
        words = {} if expected is None else {"words.f32": expected * self.f.tensor["words.idf"]}
        return {"features.u8" if feat.dtype == np.uint8 else "features.i8": feat, "v_codes.i8": v[0].astype(np.int8), "v_inv.f32": v[1].astype(f32),
                "key.f32": key.astype(f32), "content.f32": content.astype(f32),
                "text.f32": self.sentence(prompt).astype(f32), "logits.f32": logits.astype(f32),
                "ids.i32": np.array(ids, np.int32), **words}, self.tok.decode(ids), self.confidence(mean, len(ids) + finished, self.fit(expected, ids))

    def confidence(self, mean, n, fit):
        p = min(max(float(np.exp(mean)), 1e-6), 1 - 1e-6)
        temperature, bias, length, words = self.f.confidence().values()
        return 1 / (1 + float(np.exp(-(np.log(p / (1 - p)) / temperature + bias - length * n + words * fit))))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("pictures", nargs="+")
    ap.add_argument("--prompt", default="")
    ap.add_argument("--stages", help="folder for the stages of the first picture")
    args = ap.parse_args()
    m = Model(args.model)
    for p in args.pictures:
        out, text, confidence = m.stages(m.image(Path(p).read_bytes()), args.prompt)
        print(f"{p}: {text} ({confidence:.2f})")
        if args.stages:
            Path(args.stages).mkdir(parents=True, exist_ok=True)
            for name, x in out.items():
                x.tofile(Path(args.stages) / name)
            break


if __name__ == "__main__":
    main()
