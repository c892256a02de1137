# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkpoints as train.py writes them, and the folders they go to. What is not one, or is damaged, is named, and the program ends."""
import json
import os
import tempfile
from dataclasses import fields
from pathlib import Path

import torch

import net
from text import Tokenizer


def folder(path):
    """A folder that can be written into: better to hear that it can't before the hours of training than after."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as e:
        raise SystemExit(f"{path}: can't be written into: {e.strerror}") from None
    return Path(path)


def room_for(path):
    """The same for a file. -> its name while it is being written."""
    path = Path(path)
    folder(path.parent)
    if path.is_dir():
        raise SystemExit(f"{path}: is a folder")
    return path.with_name(path.name + ".part")


def save(saved, path):
    part = room_for(path)
    try:
        torch.save(saved, part)
        os.replace(part, path)
    except (OSError, RuntimeError) as e:                    # torch reports a full disk as the latter
        part.unlink(missing_ok=True)
        raise SystemExit(f"{path}: can't be written: {e}") from None


def read(path, weights_only=True):
    try:
        open(path, "rb").close()
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    try:
        return torch.load(path, weights_only=weights_only, map_location="cpu")
    except Exception:                                       # of every kind, as the file happens to be
        raise SystemExit(f"{path}: not a checkpoint, or a damaged one") from None


def shapes(config, path):
    """{tensor: shape} of a captioner of this config."""
    strange = config.keys() - {f.name for f in fields(net.Config)}
    if strange:
        raise SystemExit(f"{path}: a checkpoint of another architecture: {sorted(strange)[0]!r} is not known")
    try:
        with torch.device("meta"):
            return {n: tuple(t.shape) for n, t in net.BitMar(net.Config(**config)).state_dict().items()}
    except (TypeError, ValueError, RuntimeError) as e:
        raise SystemExit(f"{path}: a checkpoint with impossible settings: {e}") from None


def check(tensors, want, path):
    """Nothing missing, nothing more, everything in its shape, and finite."""
    wrong = [f"tensor {n} is missing" for n in want if n not in tensors]
    wrong += [f"tensor {n} is not known" for n in tensors if n not in want]
    for n in want.keys() & tensors.keys():
        if tuple(tensors[n].shape) != want[n]:
            wrong.append(f"tensor {n} has the shape {tuple(tensors[n].shape)}, not {want[n]}")
        elif not torch.isfinite(tensors[n]).all():
            wrong.append(f"tensor {n} has values that are not finite")
    if wrong:
        raise SystemExit(f"{path}: {wrong[0]}" + (f", and {len(wrong) - 1} faults more" if wrong[1:] else ""))


def load(path):
    saved = read(path)
    if not isinstance(saved, dict) or not all(isinstance(saved.get(k), dict) for k in ("model", "config", "args")):
        raise SystemExit(f"{path}: not a checkpoint of train.py")
    check(saved["model"], shapes(saved["config"], path), path)
    return saved


def model_of(saved, dropout=0.1):
    model = net.BitMar(net.Config(**saved["config"]), dropout)
    model.load_state_dict(saved["model"])
    return model


def read_tokenizer(path):
    """tokenizer.json, which lies beside a checkpoint."""
    try:
        saved = json.loads(Path(path).read_text())
        return Tokenizer(saved["tokens"], [tuple(m) for m in saved["merges"]])
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise SystemExit(f"{path}: not a tokenizer of train.py") from None


def tokenizer_of(saved, path):
    """The tokenizer beside the checkpoint `saved`, which was read from path."""
    beside = Path(path).parent / "tokenizer.json"
    tok = read_tokenizer(beside)
    if len(tok.tokens) != saved["config"]["vocabulary"]:
        raise SystemExit(f"{beside}: {len(tok.tokens)} tokens, but {path} was trained with {saved['config']['vocabulary']}")
    return tok


def must_be_finite(loss, norm, where):
    """norm: of the gradients, before the step that would spoil the weights."""
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        raise SystemExit(f"{where}: the loss is {loss.item():.3g}, its gradient {norm.item():.3g}: stopped before the weights are "
                         "spoilt; go on from the last checkpoint with a lower --lr")
