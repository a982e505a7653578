"""A peer in a process of its own: worker.py PEER THREADS ARTEFACTS. run.py drives it, a line at a time:

    load WORK BATCH         makes a model ready, says how it went
    run NUMBER N S COUNT    of the model of that number up to N measurements in up to S seconds, each of COUNT calls
    quit

Answers begin with @@ on the real standard output; what libraries print goes to standard error.
"""

import gc
import importlib
import json
import os
import sys
import time
import traceback

import numpy as np

from peers.base import Job

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(answer):
    answers.write("@@" + json.dumps(answer) + "\n")
    answers.flush()


def cpu_seconds():
    times = os.times()
    return times.user + times.system


def error_of(result, expected):
    """The largest difference, relative to the largest number expected."""
    result = np.asarray(result, "float32").reshape(expected.shape)
    return float(np.max(np.abs(result - expected)) / np.max(np.abs(expected)))


def load(peer_class, job):
    began = time.perf_counter()
    peer = peer_class(job)
    peer.load()
    first = peer.result()
    answer = {"version": peer.version()}
    if job.is_training:
        for _ in range(4):
            first = peer.result()
        answer["loss"] = float(first)  # of the fifth step
    else:
        answer["error"] = error_of(first, job.array("y"))
    answer["ready_s"] = time.perf_counter() - began
    return peer, answer


def measure(peer, most, seconds, count):
    clock, repeat, times = time.perf_counter_ns, peer.repeat, []
    began, cpu = clock(), cpu_seconds()
    while len(times) < most and clock() - began < seconds * 1e9:
        start = clock()
        repeat(count)
        times.append(round((clock() - start) * 1e-9 / count, 10))
    return {"times": times, "cpu": (cpu_seconds() - cpu) / ((clock() - began) * 1e-9)}


def main():
    name, threads, artefacts = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    module, _, variant = name.partition(":")
    peer_class = importlib.import_module("peers." + module).Peer
    models = []
    for line in sys.stdin:
        command, *words = line.split()
        if command == "quit":
            break
        if command == "run":
            say(measure(models[int(words[0])], int(words[1]), float(words[2]), int(words[3])))
            continue
        job = Job(words[0], int(words[1]), threads, variant, artefacts)
        try:
            if not models:
                peer_class.set_up(job)
            peer, answer = load(peer_class, job)
        except Exception as error:  # whatever a library throws is that peer's failure in this cell
            traceback.print_exc()
            peer, answer = None, {"failed": f"{type(error).__name__}: {str(error)[-300:]}"}
        models.append(peer)
        gc.collect()
        say(answer)
    os._exit(0)  # no library's tearing down


main()
