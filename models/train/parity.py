# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the C engine against reference.py, stage by stage, on real pictures.

    parity.py --dump BUILD/tests/models/dump-stages --model F.gguf --pictures DIR/flickr8k-dev.tar --count 100

Prints every stage's worst difference beside its bound, and the share of captions that agree token by token.
Exit status 1 when a stage is out of its bound or fewer than 99 % of the captions agree."""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import reference
from features import pictures

# Largest difference allowed, relative to the largest value of the reference's output; integers are exact or
# (codes of a float) may differ by one where a rounding tie falls the other way.
BOUNDS = {"features.u8": 0, "features.i8": 1, "v_codes.i8": 1, "v_inv.f32": 1e-3, "key.f32": 5e-3, "content.f32": 5e-3,
          "text.f32": 5e-3, "logits.f32": 1e-2, "words.f32": 5e-3}
TYPES = {"u8": np.uint8, "i8": np.int8, "f32": np.float32, "i32": np.int32}


def difference(name, want, got):
    if want.size != got.size:
        return np.inf
    d = np.abs(want.astype(np.float64) - got.astype(np.float64)).max(initial=0)
    return d if name.endswith(("u8", "i8")) else d / max(np.abs(want).max(), 1e-9)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dump", required=True)
    ap.add_argument("--model", required=True)
    ap.add_argument("--pictures", required=True)
    ap.add_argument("--count", type=int, default=100)
    ap.add_argument("--prompt", default="")
    args = ap.parse_args()
    model = reference.Model(args.model)
    items = list(pictures(args.pictures))
    items = items[::max(1, len(items) // args.count)][:args.count]
    absent = {"features.u8" if model.f["vision.backbone"] == "dinov2" else "features.i8", *([] if "bitmar.words.hidden" in model.f.meta else ["words.f32"])}
    bounds = {k: v for k, v in BOUNDS.items() if k not in absent}
    worst, same = dict.fromkeys(bounds, 0.0), 0
    with tempfile.TemporaryDirectory() as tmp:
        for name, data in items:
            image = model.image(data)
            image.tofile(Path(tmp) / "image.rgb")
            subprocess.run([args.dump, args.model, f"{tmp}/image.rgb", tmp, *([args.prompt] if args.prompt else [])],
                           check=True, stdout=subprocess.DEVNULL)
            want, text, _ = model.stages(image, args.prompt)
            for stage in bounds:
                got = np.fromfile(Path(tmp) / stage, TYPES[stage.split(".")[1]])
                worst[stage] = max(worst[stage], difference(stage, want[stage].ravel(), got))
            got = np.fromfile(Path(tmp) / "ids.i32", np.int32)
            if np.array_equal(got, want["ids.i32"]):
                same += 1
            else:
                print(f"{name}: C says '{model.tok.decode(got.tolist())}', the reference '{text}'")
    for stage, bound in bounds.items():
        print(f"{stage:12} worst {worst[stage]:.2e} bound {bound:g}{'' if worst[stage] <= bound else '  OUT OF BOUND'}")
    print(f"captions token-exact: {same} of {len(items)}")
    sys.exit(any(worst[s] > b for s, b in bounds.items()) or same < 0.99 * len(items))


if __name__ == "__main__":
    main()
