# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures captions: those the C engine writes, or any from a file.

    evaluate.py --bitmar BUILD/pipelines/bitmar --model models/weights/bitmar.gguf --data ../shared/data \\
        --sets flickr8k-dev,scenes-dev,coco-mini-train [--beam 5] [--limit N] [--out FILE.json]
    evaluate.py --captions FILE.json --data DIR --sets flickr8k-dev           FILE: {set: {name: caption}}

A set is NAME.tar (or a folder NAME) of pictures and NAME.tsv (name<TAB>caption, several lines a picture). BLEU, METEOR 1.5,
ROUGE-L and CIDEr are pycocoevalcap's, on words split by Stanford's PTBTokenizer; both need Java (Debian:
default-jre-headless). BLEU, METEOR, ROUGE-L and shares are printed in percent, CIDEr with 1.0 for "100".
OUT keeps the figures and every caption; it can be read again as --captions."""
import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import checkpoint
from features import captioned
from metrics import cider, words
from nouns import NOUNS, SYNONYMS
from text import DANGLING, read_captions

COLOURS = set("""black white red green blue yellow orange brown purple pink gray tan beige gold silver blond
maroon navy teal turquoise violet""".split())
SAME = {"grey": "gray", "blonde": "blond", "golden": "gold", "men": "man", "women": "woman", "children": "child",
        "people": "person", "persons": "person", "kid": "child", "kids": "child", "feet": "foot", "mice": "mouse"}
# Words that say nothing about the picture's content; determiners, prepositions and auxiliaries are in DANGLING.
FUNCTION = set(DANGLING) | set("""he she it they him them who what there here not n't 's up down out other others
something someone one it's itself himself herself themselves so then than also front back top side next left right""".split())


def ptb(captions):
    """{name: [captions]} -> the same, tokenised by Stanford's PTBTokenizer without punctuation, as pycocoevalcap does."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    if not shutil.which("java"):
        raise SystemExit("Java is missing: apt-get install default-jre-headless, or --no-java")
    done = PTBTokenizer().tokenize({n: [{"caption": c} for c in cs] for n, cs in captions.items()})
    short = [n for n in captions if len(done.get(n, ())) != len(captions[n])]
    if short:
        raise SystemExit(f"the tokenizer lost captions of {short[:3]}")
    return done


def plain(captions):
    """The same without Java: words as metrics.py splits them."""
    return {n: [" ".join(words(c)) for c in cs] for n, cs in captions.items()}


def read_references(path):
    """TSV of picture<TAB>caption -> {picture: [captions]}, as written there."""
    return read_captions(path, clean=str)


def stem(word):
    """Enough to see that "dogs" and "dog", "running" and "runs" are the same word."""
    word = SAME.get(word, word)
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[:-len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word


NOUN_STEMS = {stem(w) for w in NOUNS}


def is_noun(word):
    return word in ("railing", "ceiling", "clothing") or (not word.endswith("ing") and word not in ("bare", "short")     # hair; shorts are two
                                                          and (word in NOUNS or stem(word) in NOUN_STEMS))


def noun(word):
    """The thing a noun names: its stem, or that of the word we take for the same."""
    return stem(SYNONYMS.get(word, word))


def standard_scores(refs, hyps, meteor=True):
    """pycocoevalcap's own figures, on tokenised captions."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    bleu, _ = Bleu(4).compute_score(refs, hyps, verbose=0)
    out = {f"bleu{n + 1}": 100 * b for n, b in enumerate(bleu)}
    if meteor:
        out["meteor"] = 100 * Meteor().compute_score(refs, hyps)[0]
    out["rouge_l"] = 100 * float(Rouge().compute_score(refs, hyps)[0])
    out["cider"] = float(Cider().compute_score(refs, hyps)[0])
    return out


def confirmed(refs, hyps, select, same):
    """Per caption (confirmed, all) words of those that `select` picks; confirmed: in any of its references."""
    out = []
    for name, (hyp,) in hyps.items():
        seen = {same(w) for r in refs[name] for w in r.split()}
        mine = [same(w) for w in hyp.split() if select(w)]
        out.append((sum(w in seen for w in mine), len(mine)))
    return np.array(out, dtype=float).reshape(-1, 2)


def calibration_error(confidence, truth, bins=10):
    """Expected calibration error: mean |confidence - truth| of equally filled bins."""
    order = np.argsort(confidence, kind="stable")
    parts = [p for p in np.array_split(order, bins) if len(p)]
    return sum(len(p) * abs(confidence[p].mean() - truth[p].mean()) for p in parts) / len(order)


def score(refs, hyps, confidence=None, meteor=True, java=True):
    """refs {name: [captions]}, hyps {name: caption}, confidence {name: 0..1} or None -> {figure: value}."""
    missing = [n for n in hyps if n not in refs]
    if missing or not hyps:
        raise SystemExit(f"no references for {', '.join(missing[:3])}" if missing else "no captions")
    split = ptb if java else plain
    want, got = split({n: refs[n] for n in hyps}), split({n: [h] for n, h in hyps.items()})
    standard = standard_scores(want, got, meteor) if java else {"cider": cider(want, {n: h for n, (h,) in got.items()})}
    out = {"pictures": len(got), **standard}
    split = [h.split() for (h,) in got.values()]
    out["words"] = len({w for s in split for w in s})
    out["length"] = sum(map(len, split)) / len(split)
    out["empty"] = sum(not s for s in split)
    out["dangling"] = 100 * sum(bool(s) and s[-1] in DANGLING for s in split) / len(split)

    colour = confirmed(want, got, lambda w: SAME.get(w, w) in COLOURS, lambda w: SAME.get(w, w)).sum(0)
    out["colours"] = int(colour[1])
    out["colours_confirmed"] = 100 * colour[0] / max(1, colour[1])
    content = confirmed(want, got, lambda w: w not in FUNCTION and SAME.get(w, w) not in COLOURS, stem)
    out["content_confirmed"] = 100 * content[:, 0].sum() / max(1, content[:, 1].sum())
    things = confirmed(want, got, is_noun, noun)
    out["nouns"] = int(things[:, 1].sum())
    out["nouns_confirmed"] = 100 * things[:, 0].sum() / max(1, things[:, 1].sum())
    named = things[:, 1] > 0
    if confidence and named.any():
        c = np.array([confidence[n] for n in got])[named]
        truth = things[named, 0] / things[named, 1]
        out["confidence"] = float(c.mean())
        out["calibration_error"] = float(calibration_error(c, truth))
    return {k: v if isinstance(v, int) else float(v) for k, v in out.items()}


def caption_set(args, name):
    """Runs the command-line tool over the set's pictures -> {name: {"text":, "confidence":}}."""
    out = {}
    with tempfile.TemporaryDirectory() as tmp:
        paths = []
        for n, read in captioned(args.data, name)[:args.limit or None]:
            paths.append(Path(tmp) / f"{n}.webp")
            paths[-1].write_bytes(read())
        cmd = [args.bitmar, "caption", "--json", "--quiet", *(["--beam", str(args.beam)] if args.beam else [])]
        cmd += ["--model", args.model] if args.model else []
        try:
            run = subprocess.run([*cmd, *map(str, paths)], stdout=subprocess.PIPE, text=True)
        except OSError as e:
            raise SystemExit(f"{args.bitmar}: {e.strerror}") from None
    if run.returncode:
        raise SystemExit(f"{args.bitmar}: exit status {run.returncode}")
    for line in run.stdout.splitlines():
        item = json.loads(line)
        out[Path(item["file"]).stem] = {"text": item["text"], "confidence": item["confidence"]}
    if len(out) != len(paths):
        raise SystemExit(f"{name}: {len(out)} captions of {len(paths)} pictures")
    return out


def read_captions_file(path, name, limit):
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise SystemExit(f"{path}: not a file of captions: {e}") from None
    if name not in data:
        raise SystemExit(f"{path}: no captions of {name}")
    items = data[name].get("captions", data[name])
    items = {n: c if isinstance(c, dict) else {"text": c} for n, c in sorted(items.items())}
    return dict(list(items.items())[:limit or None])


def show(results):
    rows = [("pictures", "d"), ("bleu1", ".1f"), ("bleu2", ".1f"), ("bleu3", ".1f"), ("bleu4", ".1f"), ("meteor", ".1f"),
            ("rouge_l", ".1f"), ("cider", ".3f"), ("words", "d"), ("length", ".1f"), ("empty", "d"), ("dangling", ".1f"),
            ("colours", "d"), ("colours_confirmed", ".1f"), ("content_confirmed", ".1f"), ("nouns", "d"), ("nouns_confirmed", ".1f"),
            ("confidence", ".3f"),
            ("calibration_error", ".3f")]
    print(f"{'':18}" + "".join(f"{n:>18}" for n in results))
    for key, form in rows:
        if any(key in r for r in results.values()):
            cells = [format(r[key], form) if key in r else "-" for r in results.values()]
            print(f"{key.replace('_', ' '):18}" + "".join(f"{c:>18}" for c in cells))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = ap.add_mutually_exclusive_group(required=True)
    source.add_argument("--bitmar", help="the built command-line tool")
    source.add_argument("--captions", help="JSON file of captions to score instead")
    ap.add_argument("--model", help="model file (default: the tool's own)")
    ap.add_argument("--data", required=True)
    ap.add_argument("--sets", default="flickr8k-dev,scenes-dev,coco-mini-train")
    ap.add_argument("--beam", type=int, help="beams of the search, 1 to 8; otherwise the model's")
    ap.add_argument("--limit", type=int, default=0, help="only the first N pictures of a set (CIDEr then differs)")
    ap.add_argument("--no-meteor", action="store_true", help="leave METEOR out, which is most of the time")
    ap.add_argument("--no-java", action="store_true", help="only CIDEr and shares, of words as metrics.py splits them")
    ap.add_argument("--out", help="JSON file for figures and captions")
    args = ap.parse_args()
    if args.out:
        checkpoint.room_for(args.out)
    results, kept = {}, {}
    for name in args.sets.split(","):
        refs = read_references(Path(args.data) / f"{name}.tsv")
        items = read_captions_file(args.captions, name, args.limit) if args.captions else caption_set(args, name)
        confidence = {n: c["confidence"] for n, c in items.items() if "confidence" in c}
        results[name] = score(refs, {n: c["text"] for n, c in items.items()},
                              confidence if len(confidence) == len(items) else None, not args.no_meteor, not args.no_java)
        kept[name] = {"scores": results[name], "captions": items}
    show(results)
    if args.out:
        Path(args.out).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
