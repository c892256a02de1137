# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Captions and the byte-level BPE tokenizer (models/MODEL.md, "Tokenizer")."""
import re
from collections import defaultdict
from pathlib import Path, PurePath

PICTURES = (".webp", ".jpg", ".jpeg", ".png")
SPECIAL = ["<pad>", "<bos>", "<eos>", "<cls>"]
PAD, BOS, EOS, CLS = range(4)
PIECES = re.compile(rb" ?[a-zA-Z\x80-\xff]+| ?[0-9]+| ?[^\sa-zA-Z0-9\x80-\xff]+|\s+")

# A caption may not end on one of these: a determiner, a preposition, a conjunction or an auxiliary.
DANGLING = """a an the this that these those his her its their my your our and or but nor while as with without of in
on at by for from to into onto over under above below behind beside between through across around along against near
towards toward during before after inside outside within upon off is are was were be been being has have had
having does do did who which whose where when very some several two three four five another each every no""".split()


def clean(caption):
    """Lower case, no final full stop, tokenised punctuation put back, single spaces."""
    text = caption.lower().replace("`", "'").replace('"', " ")
    text = re.sub(r"\s+([,.;:!?'])", r"\1", text)
    text = re.sub(r"\s+(n't)\b", r"\1", text)
    text = re.sub(r"\s+", " ", text).strip()
    return text.strip(" .!;:,-'")


def picture_name(path):
    """A picture is called what its file is, without folder and extension."""
    path = PurePath(path)
    return path.stem if path.suffix.lower() in PICTURES else path.name


def read_lines(path):
    """TSV of picture<TAB>caption -> (picture, caption) of each line. A line without one of them is refused, and so is a file without lines."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    except UnicodeDecodeError as e:
        raise SystemExit(f"{path}:{e.object.count(10, 0, e.start) + 1}: not UTF-8") from None
    out = []
    for number, line in enumerate(text.split("\n"), 1):
        name, tab, caption = line.strip().partition("\t")
        if line.strip() and not (tab and name and clean(caption)):
            raise SystemExit(f"{path}:{number}: not picture<TAB>caption")
        if line.strip():
            out.append((picture_name(name), caption.strip()))
    if not out:
        raise SystemExit(f"{path}: no captions")
    return out


def read_captions(path, clean=clean):
    """-> {picture: [captions]}, cleaned."""
    out = defaultdict(list)
    for name, caption in read_lines(path):
        out[name].append(clean(caption))
    return dict(out)


def byte_alphabet():
    """GPT-2's byte -> printable character map, the alphabet of the vocabulary in the file."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 0
    for b in range(256):
        if b in keep:
            table[b] = chr(b)
        else:
            table[b] = chr(256 + extra)
            extra += 1
    return table


def lower_ascii(data):
    return bytes(b + 32 if 65 <= b <= 90 else b for b in data)


class Tokenizer:
    """tokens: list of strings in the byte alphabet, the four specials first; merges: list of (left, right)."""

    def __init__(self, tokens, merges):
        self.tokens, self.merges = tokens, merges
        self.ids = {t: i for i, t in enumerate(tokens)}
        self.rank = {m: i for i, m in enumerate(merges)}
        self.to_char = byte_alphabet()
        self.to_byte = {c: b for b, c in self.to_char.items()}
        self.cache = {}

    def _piece(self, piece):
        if piece in self.cache:
            return self.cache[piece]
        parts = [self.to_char[b] for b in piece]
        while len(parts) > 1:
            best = min(range(len(parts) - 1),
                       key=lambda i: self.rank.get((parts[i], parts[i + 1]), 1 << 30))
            if (parts[best], parts[best + 1]) not in self.rank:
                break
            parts[best:best + 2] = [parts[best] + parts[best + 1]]
        ids = [self.ids[p] for p in parts]
        self.cache[piece] = ids
        return ids

    def encode(self, text):
        data = lower_ascii(text.encode("utf-8"))
        return [i for p in PIECES.findall(data) for i in self._piece(p)]

    def encode_caption(self, text):
        return self.encode(" " + text)

    def decode(self, ids):
        data = b"".join(bytes(self.to_byte[c] for c in self.tokens[i]) for i in ids if i >= len(SPECIAL))
        return data.decode("utf-8", "replace").strip()

    def no_end(self):
        """Ids after which a caption may not end."""
        return sorted({i[0] for w in DANGLING if len(i := self.encode_caption(w)) == 1})


def train_bpe(captions, size):
    """Merges the most frequent neighbours until `size` tokens stand; ties go to the first in byte order."""
    words = defaultdict(int)
    for c in captions:
        for p in PIECES.findall(lower_ascii((" " + c).encode("utf-8"))):
            words[p] += 1
    table = byte_alphabet()
    tokens = SPECIAL + [table[b] for b in range(256)]
    split = [([table[b] for b in w], n) for w, n in words.items()]
    pairs, where = defaultdict(int), defaultdict(set)
    for k, (parts, n) in enumerate(split):
        for p in zip(parts, parts[1:]):
            pairs[p] += n
            where[p].add(k)
    merges = []
    while len(tokens) < size:
        best = max(pairs, key=lambda p: (pairs[p], p), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        joined = best[0] + best[1]
        tokens.append(joined)
        for k in list(where[best]):
            parts, n = split[k]
            for p in zip(parts, parts[1:]):
                pairs[p] -= n
                where[p].discard(k)
            out, i = [], 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    out.append(joined)
                    i += 2
                else:
                    out.append(parts[i])
                    i += 1
            split[k] = (out, n)
            for p in zip(out, out[1:]):
                pairs[p] += n
                where[p].add(k)
        pairs.pop(best, None)
    return Tokenizer(tokens, merges)
