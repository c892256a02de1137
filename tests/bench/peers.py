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


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (--help tells more)\n")


def checked(what, parse):
    """An argparse type: `parse` returns None, or fails, on what is not `what`."""
    def convert(text):
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None:
            raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
        return value
    return convert


def parse_sizes(text):
    out = [tuple(int(v) for v in part.split("x")) for part in text.split(",")]
    return out if all(len(s) == 2 and min(s) > 0 for s in out) else None


def parse_numbers(text):
    out = [int(v) for v in text.split(",")]
    return out if min(out) > 0 else None


sizes = checked("a list as 384x384,1536x384", parse_sizes)
numbers = checked("a list as 1,4,16", parse_numbers)
count = checked("a whole number above 0", lambda text: int(text) if int(text) > 0 else None)
milliseconds = checked("a time above 0 and up to 1000 ms", lambda text: float(text) if 0 < float(text) <= 1000 else None)


def among(known):
    def parse(text):
        given = set(text.split(","))
        return [v for v in known if v in given] if given <= set(known) else None
    return checked(f"among {','.join(known)}", parse)


def pin(core):
    try:
        os.sched_setaffinity(0, {core})
    except (OSError, ValueError, OverflowError) as e:
        allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        raise PeerError(f"--core {core}: no such core here (there are {allowed})") from e


def common(parser, rounds):
    parser.add_argument("--core", type=int, help="run everything on this core")
    parser.add_argument("--peers", type=among(ENGINES), default=list(ENGINES), help="of ort,openvino (default: both)")
    parser.add_argument("--caps", type=among(CAPS), default=list(CAPS), help="of vnni,full (default: both): without AMX, as is")
    parser.add_argument("--rounds", type=count, default=rounds)


def arguments():
    ap = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="command", required=True)
    s = sub.add_parser("shapes", help="linear layers")
    s.add_argument("--bitmar", help="the built bitmar program")
    s.add_argument("--tier", help="the tier for it, its --cpu")
    s.add_argument("--shapes", type=sizes, help="NxK,NxK,... (default: those of docs/performance.md)")
    s.add_argument("--m", type=numbers, help="M,M,... (default: 1,4,16,256)")
    s.add_argument("--batches", type=count, default=5, help="timings of each form a round")
    s.add_argument("--milliseconds", type=milliseconds, default=1.0, help="length of one timing")
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
            pin(args.core)
        if args.command == "shapes":
            from peers_layer import BATCHES, SHAPES
            from peers_shapes import run
            args.shapes, args.m = args.shapes or list(SHAPES), args.m or list(BATCHES)
        else:
            from peers_backbone import run
        run(args)
    except ModuleNotFoundError as e:
        sys.exit(f"peers.py: Python package '{e.name}' is missing: pip install -r tests/bench/requirements.txt"
                 + (" -r models/train/requirements.txt" if args.command == "backbone" else ""))
    except PeerError as e:
        sys.exit(f"peers.py: {e}")
    except OSError as e:
        sys.exit(f"peers.py: {e.filename}: {e.strerror}" if e.filename else f"peers.py: {e}")


if __name__ == "__main__":
    main()
