# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ours beside ONNX Runtime and OpenVINO from PyPI, one thread each, in one run (tests/bench/requirements.txt).

    peers.py shapes --bitmar BUILD/pipelines/bitmar --core 1
    peers.py backbone --bench BUILD/tests/bench/bench-frame --model models/weights/bitmar.gguf [--pictures SET.tar] --core 1

Without --bitmar or --bench only the peers are timed."""
import argparse
import os
import sys

from peers_worker import CAPS, ENGINES, PeerError


def sizes(text):
    """'384x384,1536x384' -> [(n, k), ...]"""
    out = [tuple(int(v) for v in part.split("x")) for part in text.split(",")]
    if any(len(s) != 2 or min(s) < 1 for s in out):
        raise ValueError(text)
    return out


def numbers(text):
    out = [int(v) for v in text.split(",")]
    if min(out) < 1:
        raise ValueError(text)
    return out


def count(text):
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def among(known):
    def names(text):
        out = list(dict.fromkeys(text.split(",")))
        if not set(out) <= set(known):
            raise argparse.ArgumentTypeError(f"'{text}': choose from {','.join(known)}")
        return out
    return names


def common(parser, rounds):
    parser.add_argument("--core", type=int, help="run everything on this core")
    parser.add_argument("--peers", type=among(ENGINES), default=list(ENGINES), help="of ort,openvino (default: both)")
    parser.add_argument("--caps", type=among(CAPS), default=list(CAPS), help="of vnni,full (default: both): without AMX, as is")
    parser.add_argument("--rounds", type=count, default=rounds)


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="command", required=True)
    s = sub.add_parser("shapes", help="linear layers")
    s.add_argument("--bitmar", help="the built bitmar program")
    s.add_argument("--tier", help="the tier for it, its --cpu")
    s.add_argument("--shapes", type=sizes, help="NxK,NxK,... (default: those of docs/performance.md)")
    s.add_argument("--m", type=numbers, help="M,M,... (default: 1,4,16,256)")
    s.add_argument("--batches", type=count, default=5, help="timings of each form a round")
    s.add_argument("--milliseconds", type=float, default=1.0, help="length of one timing")
    s.add_argument("--json", action="store_true")
    common(s, 10)
    b = sub.add_parser("backbone", help="one frame")
    b.add_argument("--bench", help="the built bench-frame")
    b.add_argument("--model", help="model file for it")
    b.add_argument("--pictures", help="tar or folder of pictures: calibration, and the middle one is captioned")
    b.add_argument("--count", type=count, default=16, help="pictures to calibrate on")
    b.add_argument("--frames", type=count, default=20, help="frames of each a round")
    b.add_argument("--beam", type=count, default=3)
    common(b, 10)
    args = ap.parse_args()
    if args.command == "backbone" and bool(args.bench) != bool(args.model):
        b.error("--bench and --model go together")
    if args.command == "shapes" and args.tier and not args.bitmar:
        s.error("--tier is for --bitmar, which is not given")
    return args


def main():
    args = arguments()
    try:
        if args.core is not None:
            os.sched_setaffinity(0, {args.core})
        if args.command == "shapes":
            from peers_layer import BATCHES, SHAPES
            from peers_shapes import run
            args.shapes, args.m = args.shapes or list(SHAPES), args.m or list(BATCHES)
        else:
            from peers_backbone import run
        run(args)
    except ModuleNotFoundError as e:
        sys.exit(f"peers.py: Python package '{e.name}' is missing: pip install -r tests/bench/requirements.txt")
    except (PeerError, OSError) as e:
        sys.exit(f"peers.py: {e}")


if __name__ == "__main__":
    main()
