# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linear layers, one thread, f32 in to f32 out: ours (`bitmar bench --json`) beside ONNX Runtime and OpenVINO.

A call from Python costs more than a small layer, so from every time is taken off that of a graph of one trivial node on one
number, called the same way in the same round: what is left is the kernel alone, without even the dispatch of its node. That
favours the peers; layers chained in one graph, where N = K, give ONNX Runtime the same to 5 %. Ours is measured as called
from C. Inputs and outputs are bound once. CPU time of the calling thread (of the process, should a peer work elsewhere); the
best of all rounds, in which ours and every peer take turns, since other programs can only add time. After the first round,
forms over twice the best of their peer are dropped.

`vnni` columns: AMX is kept from the peer, so that both sides have the same instructions; `full`: as installed."""
import json
import subprocess

from peers_worker import CAPS, PeerError, start, stop

PEERS = {"ort-int8": "ONNX Runtime int8", "ov-int8": "OpenVINO int8", "ort-2bit": "ONNX Runtime 2-bit",
         "ort-4bit": "ONNX Runtime 4-bit"}
DROP = 2.0


class Ours:
    """The best over all rounds, per kind and shape, of what the program prints."""

    def __init__(self, program, tier, shapes, batches):
        self.rows, self.peak, self.tier = {}, 0.0, None
        self.command = [program, "bench", "--json", "--shapes", ",".join(f"{n}x{k}" for n, k in shapes),
                        "--m", ",".join(map(str, batches)), *(["--cpu", tier] if tier else [])]
        self.wanted = {(n, k, m) for n, k in shapes for m in batches}

    def round(self):
        try:
            done = subprocess.run(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except OSError as e:
            raise PeerError(f"{self.command[0]}: {e.strerror}") from e
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise PeerError(f"{self.command[0]} bench: {lines[-1] if lines else f'status {done.returncode}'}")
        try:
            self.add(json.loads(done.stdout))
        except (ValueError, KeyError, TypeError) as e:
            raise PeerError(f"{self.command[0]} bench --json: not what was expected: {type(e).__name__} {e}") from e

    def add(self, got):
        self.tier = got["tier"]
        self.peak = max(self.peak, got["peak"]["dot_gmacs"])
        for r in got["linear"]:
            shape = r["n"], r["k"], r["m"]
            if shape in self.wanted:
                key = r["kind"], *shape
                self.rows[key] = max(self.rows.get(key, 0.0), float(r["gmacs"]))
        missing = self.wanted - {key[1:] for key in self.rows}
        if missing:
            raise ValueError("no figure for {}x{}, m = {}".format(*min(missing)))

    def kinds(self):
        return sorted({k[0] for k in self.rows}, key=lambda kind: (kind != "ternary", kind))


class Best:
    """Least seconds of every form of one worker, and of its idle graph."""

    def __init__(self, worker):
        self.worker, self.seconds = worker, {}

    def round(self, batches, seconds):
        for key, times in self.worker.round(batches, seconds).items():
            self.seconds[key] = min([self.seconds.get(key, 1e9), *(cpu for _, cpu in times)])

    def fastest(self):
        """-> {(peer, n, k, m): (net seconds, form)}"""
        out = {}
        for key, s in self.seconds.items():
            if key != "idle":
                peer, form, *shape = key
                out[peer, *shape] = min(out.get((peer, *shape), (1e9, "")), (s - self.seconds["idle"], form))
        return out

    def prune(self):
        best = self.fastest()
        idle = self.seconds["idle"]
        self.worker.keys = [k for k in self.worker.keys if self.seconds[k] - idle <= DROP * max(best[k[0], *k[2:]][0], 0)
                            or k[1] == best[k[0], *k[2:]][1]]


def rounds(args, ours, workers):
    best = [Best(w) for w in workers]
    for r in range(args.rounds):
        if ours:
            ours.round()
        for b in best:
            b.round(args.batches, args.milliseconds / 1e3)
            if r == 0:
                b.prune()
    return best


def peer_rows(best):
    """-> {(peer, cap, n, k, m): {gmacs, form, ran}}"""
    out = {}
    for b in best:
        for (peer, n, k, m), (seconds, form) in b.fastest().items():
            if seconds <= 0:
                raise PeerError(f"{peer}, {n}x{k}, m = {m}: no time left after the call's own; use more --rounds")
            out[peer, b.worker.cap, n, k, m] = {"gmacs": m * n * k / seconds / 1e9, "form": form,
                                                "ran": b.worker.info["ran"][peer, form, n, k, m]}
    return out


def ratios(own, peers):
    """Ours over a peer; `best int8` of both peers under one cap. Ternary where there is such a row, else the other kind."""
    if not own:
        return {}
    ours = own.get("ternary", max(own.values()))
    int8 = {cap: {p: r["gmacs"] for (p, c), r in peers.items() if c == cap and p.endswith("int8")} for cap in CAPS}
    out = {f"best int8, {cap}": ours / max(of.values()) for cap, of in int8.items() if of}
    out |= {f"ONNX Runtime int8, {cap}": ours / of["ort-int8"] for cap, of in int8.items() if "ort-int8" in of}
    if two := [r["gmacs"] for (p, _), r in peers.items() if p == "ort-2bit"]:
        out["2-bit"] = ours / max(two)
    return out


def collect(shapes, batches, ours, best):
    theirs, rows = peer_rows(best), []
    for n, k in shapes:
        for m in batches:
            own = {kind: ours.rows[kind, n, k, m] for kind in ours.kinds() if (kind, n, k, m) in ours.rows} if ours else {}
            peers = {key[:2]: r for key, r in theirs.items() if key[2:] == (n, k, m)}
            rows.append({"n": n, "k": k, "m": m, "ours": own, "peers": peers, "ours_over": ratios(own, peers)})
    return rows


def table(header, rows):
    return "\n".join(["| " + " | ".join(header) + " |", "|---" * len(header) + "|",
                      *("| " + " | ".join(r) + " |" for r in rows)])


def markdown(rows, ours):
    kinds = ours.kinds() if ours else []
    columns = [(p, c) for c in CAPS for p in PEERS if any((p, c) in r["peers"] for r in rows)]

    def own(row, kind):
        g = row["ours"].get(kind)
        return "" if g is None else f"{g:.0f} ({100 * g / ours.peak:.0f} %)"

    def cells(row):
        theirs = [f"{row['peers'][c]['gmacs']:.0f}" if c in row["peers"] else "refused" for c in columns]
        return [f"{row['n']} x {row['k']}", str(row["m"]), *(own(row, kind) for kind in kinds), *theirs]

    header = ["N x K", "M", *(f"ours, {kind}" for kind in kinds), *(f"{PEERS[p]}, {c}" for p, c in columns)]
    parts = ["GMAC/s" + (f" (share of the peak, {ours.peak:.0f})" if ours else "") + ":\n",
             table(header, map(cells, rows))]
    if names := list(dict.fromkeys(name for r in rows for name in r["ours_over"])):
        parts += ["\nOurs as a multiple of:\n",
                  table(["N x K", "M", *names], ([f"{r['n']} x {r['k']}", str(r["m"]),
                        *(f"{r['ours_over'][n]:.2f}" if n in r["ours_over"] else "" for n in names)] for r in rows))]
    return "\n".join(parts)


def describe(best, rows, peak):
    """What was run: per process its version and AMX, per peer the kernels and forms that were fastest; and what was refused."""
    lines = []
    for b in best:
        info, cap = b.worker.info, b.worker.cap
        mine = {p: [r["peers"][p, cap] for r in rows if (p, cap) in r["peers"]] for p in PEERS}
        amx = {True: "asked for AMX tiles and has them", False: "no AMX tiles", None: "AMX unknown"}[info["amx"]]
        lines.append(f"{info['version']}, {cap}: {amx}; the call itself, taken off: {1e6 * b.seconds['idle']:.2f} us")
        owned = {k[0] for k in info["ran"]}
        for peer in (p for p in PEERS if p in owned):
            top = max(r["gmacs"] for r in mine[peer])
            beside = f", {'over' if top > peak else 'under'} the peak of VNNI" if peak else ""
            forms = ", ".join(sorted({r["form"] for r in mine[peer]}))
            ran = "; ".join(sorted({r["ran"] for r in mine[peer]}))
            lines.append(f"  {PEERS[peer]}: up to {top:.0f} GMAC/s{beside}; fastest as {forms}; ran as {ran}")
        reasons = {}
        for (peer, form, *shape), why in info["refused"].items():
            reasons.setdefault((peer, form, why), []).append("{}x{} m={}".format(*shape))
        lines += [f"  refused: {PEERS[p]}, {form}: {why} ({', '.join(s)})" for (p, form, why), s in reasons.items()]
    return lines


def document(ours, best, rows):
    flat = [r | {"peers": {f"{p}, {c}": v for (p, c), v in r["peers"].items()}} for r in rows]
    return {"tier": ours and ours.tier, "peak_dot_gmacs": ours and ours.peak, "rows": flat,
            "processes": [{"version": b.worker.info["version"], "cap": b.worker.cap, "amx": b.worker.info["amx"],
                           "call_us": 1e6 * b.seconds["idle"],
                           "refused": [[*k, why] for k, why in b.worker.info["refused"].items()]} for b in best]}


def run(args):
    ours = Ours(args.bitmar, args.tier, args.shapes, args.m) if args.bitmar else None
    workers = start(args.peers, args.caps, "linear_suite", shapes=args.shapes, batches=args.m)
    try:
        best = rounds(args, ours, workers)
    finally:
        stop(workers)
    rows = collect(args.shapes, args.m, ours, best)
    if args.json:
        print(json.dumps(document(ours, best, rows), indent=1))
        return
    print("\n".join(describe(best, rows, ours and ours.peak)), end="\n\n")
    print(markdown(rows, ours))
