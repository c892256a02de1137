# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One peer in a process of its own, since the instructions it may use are settled once per process.

Caps: `full` is the peer as installed; `vnni` keeps AMX from it. ONEDNN_MAX_CPU_ISA does that for OpenVINO (oneDNN). ONNX
Runtime has no such switch; there the process has a signal stack too small for AMX state, and the kernel then refuses it the
tiles. Afterwards the kernel is asked whether the process holds that permission, so no cap is taken on trust."""
import ctypes
import gc
import importlib
import multiprocessing
import os
import platform
import time

CAPS = ("vnni", "full")
ENGINES = {"ort": ("ONNX Runtime", "peers_ort"), "openvino": ("OpenVINO", "peers_openvino")}
ARCH_PRCTL, ARCH_GET_XCOMP_PERM, XTILEDATA = 158, 0x1022, 18
SMALL_STACK = 8192  # holds an AVX-512 frame, not the 11 KiB of one with tiles


class PeerError(Exception):
    pass


class SignalStack(ctypes.Structure):
    _fields_ = [("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


def amx_allowed():
    """Whether this process asked for AMX tiles and got them; None where that cannot be known."""
    if platform.machine() != "x86_64":
        return None
    held = ctypes.c_uint64()
    if ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_GET_XCOMP_PERM, ctypes.byref(held)):
        return None
    return bool(held.value >> XTILEDATA & 1)


def apply_cap(cap):
    if cap == "full":
        return None
    if platform.machine() != "x86_64":
        raise PeerError("this cap is for x86-64 only: use --caps full")
    os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_VNNI"
    memory = ctypes.create_string_buffer(SMALL_STACK)
    stack = SignalStack(ctypes.addressof(memory), 0, SMALL_STACK)
    if ctypes.CDLL(None).sigaltstack(ctypes.byref(stack), None):
        raise PeerError("sigaltstack: the kernel refused the small signal stack that keeps AMX away")
    return memory  # must outlive the process's threads


def batch(run, calls):
    """-> seconds a call: wall, CPU. The process's clock counts instead of the thread's where other threads did the work."""
    wall, thread, process = time.perf_counter_ns(), time.thread_time_ns(), time.process_time_ns()
    for _ in range(calls):
        run()
    process, thread, wall = time.process_time_ns() - process, time.thread_time_ns() - thread, time.perf_counter_ns() - wall
    return wall / calls / 1e9, (thread if process <= 1.05 * thread else process) / calls / 1e9


def measure(run, batches, seconds):
    """`batches` pairs (wall, CPU), each of as many calls as fill `seconds`."""
    run()
    one = max(batch(run, 1)[1], 1e-7)
    return [batch(run, max(1, round(seconds / one))) for _ in range(batches)]


def serve(pipe, engine, cap, job, arguments):
    try:
        kept = apply_cap(cap)
        suite = getattr(importlib.import_module(ENGINES[engine][1]), job)(cap, **arguments)
        if cap == "vnni" and amx_allowed():
            raise PeerError("holds AMX tiles in spite of the cap")
        pipe.send({"version": suite.version, "refused": suite.refused, "cosine": suite.cosine, "amx": amx_allowed(),
                   "ran": {k: m.ran for k, m in suite.made.items()}})
        gc.collect()
        gc.disable()
        while (order := pipe.recv()) is not None:
            keys, batches, seconds = order
            times = {k: measure(suite.made[k].run, batches, seconds) for k in keys}
            if changed := [k for k in keys if suite.made[k].sum() != suite.made[k].first]:
                raise PeerError(f"{changed[0]} gave another answer than the first time")
            if suite.idle:
                times["idle"] = measure(suite.idle.run, batches, seconds)
            pipe.send(times)
        del kept
    except ModuleNotFoundError as e:
        pipe.send(f"Python package '{e.name}' is missing: pip install -r tests/bench/requirements.txt")
    except (PeerError, MemoryError) as e:
        pipe.send(str(e) or type(e).__name__)


class Worker:
    """`job` is a function of the engine's module that makes the suite in the child."""

    def __init__(self, engine, cap, job, **arguments):
        self.engine, self.cap = engine, cap
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(theirs, engine, cap, job, arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.info = self.answer()
        self.keys = list(self.info["ran"])

    def answer(self):
        try:
            got = self.pipe.recv()
        except EOFError:
            got = "ended unexpectedly"
        if isinstance(got, str):
            raise PeerError(f"{ENGINES[self.engine][0]} ({self.cap}): {got}")
        return got

    def round(self, batches, seconds):
        self.pipe.send((self.keys, batches, seconds))
        return self.answer()

    def close(self):
        if self.process.is_alive():
            self.pipe.send(None)
        self.process.join(10)


def start(engines, caps, job, **arguments):
    """All workers; those that began are ended if one cannot."""
    workers = []
    try:
        for engine in engines:
            for cap in caps:
                workers.append(Worker(engine, cap, job, **arguments))
    except BaseException:
        stop(workers)
        raise
    return workers


def stop(workers):
    for w in workers:
        w.close()
