# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CIDEr-D without Java, fast enough for every epoch and for rewards while training.

    cider(refs, hyps)                        one number for a set, on pycocoevalcap's scale (1.0 = "100")
    CiderD(refs).score(name, caption)        one caption against its picture's references, idf of the whole set

refs: {name: [captions]}, hyps: {name: caption}. The arithmetic is pycocoevalcap's; the words are split here instead of
by Stanford's tokenizer, which gives the same words for captions. Run as a program it checks itself against pycocoevalcap:

    metrics.py [DATA/flickr8k-dev.tsv]       (with a file: its real captions too, tokenised by Stanford's tokenizer)
"""
import math
import re
from collections import Counter

ORDERS = 4
SIGMA = 6.0
BITS = 20                        # of a word's number in an n-gram's key

CLITICS = re.compile(r"(?<=[a-z])(n't|'s|'re|'ve|'ll|'d|'m)(?![a-z])")
WORD = re.compile(r"n't\b|'(?:s|re|ve|ll|d|m)\b|[^\W_]+(?:[-./&+'_][^\W_]+)*|[#$%&@*/\\+=<>~^|]+")
SPLIT = {"cannot": "can not", "gonna": "gon na", "gotta": "got ta", "wanna": "wan na", "gimme": "gim me"}


def words(caption):
    """Lower-cased words without punctuation; "man's" is two words as in the Penn Treebank."""
    text = caption.lower().replace("\u2019", "'").replace("\u2018", "'")
    text = CLITICS.sub(r" \1", text)
    return " ".join(SPLIT.get(w, w) for w in WORD.findall(text)).split()


class CiderD:
    """References of a set, cooked once. A picture's references are weighted when they are first asked for."""

    def __init__(self, refs, tokenise=words):
        if not refs:
            raise ValueError("no references")
        self.tokenise = tokenise
        self.ids = {}
        self.counts = {name: [self._count(c) for c in captions] for name, captions in refs.items()}
        seen = Counter()
        for cooked in self.counts.values():
            seen.update({g for c, _ in cooked for g in c})
        size = math.log(len(refs))
        self.idf = {g: size - math.log(n) for g, n in seen.items()}
        self.unseen = size                    # the weight of an n-gram that is in no reference
        self.weighted = {}

    def _count(self, caption):
        """-> ({n-gram key: times}, number of bigrams, which is the length the penalty compares)."""
        ids = [self.ids.setdefault(w, len(self.ids) + 1) for w in self.tokenise(caption)]
        out = Counter()
        keys = [0] * len(ids)
        for n in range(ORDERS):
            keys = [keys[i] << BITS | ids[i + n] for i in range(len(ids) - n)]
            out.update(keys)
        return out, max(0, len(ids) - 1)

    def _weigh(self, counts):
        """-> [(order, key, tf-idf)], [norm of each order]."""
        entries, norm = [], [0.0] * ORDERS
        for g, times in counts.items():
            n = (g.bit_length() - 1) // BITS
            w = times * self.idf.get(g, self.unseen)
            entries.append((n, g, w))
            norm[n] += w * w
        return entries, [math.sqrt(x) for x in norm]

    def _references(self, name):
        if name not in self.weighted:
            cooked = []
            for counts, length in self.counts[name]:
                entries, norm = self._weigh(counts)
                cooked.append(({g: w for _, g, w in entries}, norm, length))
            self.weighted[name] = cooked
        return self.weighted[name]

    def score(self, name, caption):
        counts, length = self._count(caption)
        entries, norm = self._weigh(counts)
        refs = self._references(name)
        total = 0.0
        for weights, ref_norm, ref_length in refs:
            dot = [0.0] * ORDERS
            for n, g, w in entries:
                r = weights.get(g)
                if r is not None:
                    dot[n] += min(w, r) * r
            same = sum(d / (a * b) if a and b else d for d, a, b in zip(dot, norm, ref_norm))
            total += same * math.exp(-(length - ref_length) ** 2 / (2 * SIGMA ** 2))
        return 10.0 * total / (ORDERS * len(refs))

    def mean(self, hyps):
        return sum(self.score(name, text) for name, text in hyps.items()) / len(hyps)


def cider(refs, hyps):
    """Mean CIDEr-D. As in pycocoevalcap the idf comes from the references of exactly the pictures scored."""
    missing = [n for n in hyps if n not in refs]
    if missing or not hyps:
        raise ValueError(f"no references for {missing[:3]}" if missing else "no captions")
    return CiderD({name: refs[name] for name in hyps}).mean(hyps)


def _random_set(rng, pictures):
    vocabulary = [f"w{i}" for i in range(60)]

    def sentence():
        return " ".join(rng.choice(vocabulary[:rng.choice([8, 20, 60])]) for _ in range(rng.randint(1, 14)))
    refs = {f"p{i}": [sentence() for _ in range(rng.randint(1, 5))] for i in range(pictures)}
    return refs, {n: rng.choice([rng.choice(r), sentence(), r[0] + " " + sentence()]) for n, r in refs.items()}


def _self_test(path):
    import random
    import time

    from pycocoevalcap.cider.cider import Cider
    rng = random.Random(1)
    for trial in range(20):
        refs, hyps = _random_set(rng, rng.randint(2, 40))
        hyps["p0"] = "" if trial == 0 else hyps["p0"]
        theirs, each = Cider().compute_score(refs, {n: [h] for n, h in hyps.items()})
        ours = CiderD(refs)
        for name, want in zip(refs, each):
            if abs(ours.score(name, hyps[name]) - want) > 1e-9:
                raise SystemExit(f"trial {trial} {name}: {ours.score(name, hyps[name])} is not {want}")
        if abs(cider(refs, hyps) - theirs) > 1e-9:
            raise SystemExit(f"trial {trial}: {cider(refs, hyps)} is not {theirs}")
    print("20 random sets: equal to pycocoevalcap within 1e-9")
    if not path:
        return
    from evaluate import ptb
    from text import read_captions
    all_refs = read_captions(path)
    names = sorted(all_refs)
    hyps = {n: all_refs[n][0] if i % 3 else all_refs[names[i - 1]][0] for i, n in enumerate(names)}
    refs = {n: all_refs[n][1:] for n in names}
    t = time.time()
    ours = cider(refs, hyps)
    t = time.time() - t
    theirs, _ = Cider().compute_score(ptb(refs), ptb({n: [h] for n, h in hyps.items()}))
    differ = sum(words(c) != w.split() for n, ws in ptb(refs).items() for c, w in zip(refs[n], ws))
    print(f"{path}: ours {ours:.5f} in {t:.2f} s, pycocoevalcap with Stanford's tokenizer {theirs:.5f}; "
          f"{differ} captions of {sum(map(len, refs.values()))} are split differently")
    if abs(ours - theirs) > 2e-3:
        raise SystemExit("the two differ by more than 0.002")


if __name__ == "__main__":
    import sys
    _self_test(sys.argv[1] if len(sys.argv) > 1 else None)
