#!/usr/bin/env python3
"""Measures Keratin beside its peers: bench/run.py --artefacts DIR --environments DIR [--work W1,T3] [--threads 1,2] …

One process of each peer serves all work loads at one number of threads. The processes take turns in slices of a second, the
others stopped; one thread is also pinned to one core. A slice in which other programs used more than a tenth of a core that
is the peer's is taken again, and left out if it can be. All runs are kept, in JSON; bench/report.py makes the table.
"""

import argparse
import ctypes
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

from cells import BATCHES, LOSS, OPTIMIZER, TITLES, is_training

HERE = pathlib.Path(__file__).resolve().parent
# peer, or peer:variant -> its environment, whether it trains
PEERS = {
    "tf:graph": ("keras", True),
    "tf:xla": ("keras", True),
    "kjax": ("keras", True),
    "torch_:eager": ("torch", True),
    "torch_:inductor": ("torch", True),
    "ort": ("ort", False),
    "ov": ("ort", False),
    "ov:bf16": ("ort", False),
    "litert": ("misc", False),
    "keratin": ("ort", True),
    "keratin:loop": ("ort", True),
    "keratin:exact": ("ort", False),
    "keratin:fast": ("ort", False),
    "keratin:bf16": ("ort", False),
}
DEFAULT = [peer for peer in PEERS if peer not in ("ov:bf16", "keratin:exact", "keratin:fast", "keratin:bf16")]
SHORT = 50e-6  # calls shorter than this are measured in a loop of C, too
LOADING_LIMIT = 600


class Worker:
    """A peer in a process of its own, with the Python of this name in the folder of environments."""

    def __init__(self, peer, python, threads, given):
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore", CUDA_VISIBLE_DEVICES="",
                           BENCH_KERATIN=str(given.keratin))
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[variable] = str(threads)
        self.log = (given.artefacts / f"{peer.replace(':', '-')}.log").open("w+")
        self.process = subprocess.Popen(
            [given.environments / python / "bin" / "python", HERE / "worker.py", peer, str(threads), given.artefacts],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment, preexec_fn=lambda: self.begin(threads))
        self.stopped = False
        self.models = {}  # (work, batch) -> number, what loading said, calls per measurement

    @staticmethod
    def begin(threads):
        """In the new process: its cores, a scheduling group of its own, first in line; gone when the runner goes."""
        os.sched_setaffinity(0, cores_for(threads))
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        try:
            os.setsid()
            os.setpriority(os.PRIO_PROCESS, 0, -20)
            pathlib.Path("/proc/self/autogroup").write_text("-20")
        except OSError:
            pass  # not root

    def ask(self, line, seconds):
        if self.stopped:
            self.process.send_signal(signal.SIGCONT)
            self.stopped = False
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        end = time.time() + seconds
        while select.select([self.process.stdout], [], [], max(0.1, end - time.time()))[0]:
            answer = self.process.stdout.readline()
            if answer.startswith("@@"):
                return json.loads(answer[2:])
            if not answer:
                self.log.seek(0)
                raise RuntimeError("ended: " + " | ".join(self.log.read().split("\n")[-4:])[-400:])
        raise RuntimeError(f"no answer in {seconds} s")

    def load(self, work, batch):
        answer = self.ask(f"load {work} {batch}", LOADING_LIMIT)
        number = len(self.models)
        self.models[work, batch] = [number, answer, 1]
        if "failed" not in answer:
            # Short calls are timed in bundles of about 200 us, so that the clock does not count.
            count = 1
            for _ in range(2):
                answer["once"] = min(self.ask(f"run {number} 5 1 {count}", LOADING_LIMIT)["times"])
                count = max(1, min(1000, int(2e-4 / answer["once"])))
            self.models[work, batch][2] = count
        return answer

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        self.stopped = True

    def end(self):
        self.process.kill()
        self.process.wait()


def cores_for(threads):
    """One thread keeps off core 0, which serves interrupts."""
    return {1} if threads == 1 and os.cpu_count() > 1 else set(range(threads))


def busy_seconds():
    """What all cores have spent, on whatever; waiting for a hypervisor counts."""
    with open("/proc/stat") as file:
        user, nice, system, idle, waiting, *others = map(int, file.readline().split()[1:9])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def slice_of(worker, job, given):
    """A turn of a peer: {times, cpu, others}, cpu and others in cores; taken again if others disturbed it."""
    number, _, count = worker.models[job]
    spare = os.cpu_count() - given.thread_count
    runs = []
    for _ in range(1 + given.again):
        before, began = busy_seconds(), time.time()
        run = worker.ask(f"run {number} {given.repeats} {given.slice} {count}", LOADING_LIMIT)
        wall = time.time() - began
        run["others"] = max(0.0, round((busy_seconds() - before) / wall - run["cpu"], 3))
        run["disturbed"] = wall > 0.1 and run["others"] > 0.1 + spare
        runs.append(run)
        if not run["disturbed"]:
            break
        time.sleep(0.3)
    worker.stop()
    return runs


def limit_of(work, batch, threads, given, model="model.keras"):
    """What has to be done at least, by direct convolutions, and what the machine allows: from `keratin bench`."""
    command = [given.keratin, "bench", given.artefacts / work / model, "--batch", str(batch), "--threads", str(threads),
               "--seconds", "0.2", "--exact", "--json"]
    if is_training(work):
        command += ["--func", "train_step", "--loss", json.dumps(LOSS), "--optimizer", json.dumps(OPTIMIZER)]
    done = subprocess.run(command, capture_output=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores_for(threads)))
    return json.loads(done.stdout) if done.returncode == 0 else {"failed": without_folders(done.stderr, given)}


def without_folders(text, given):
    """An error without what only this machine has."""
    for name in ("artefacts", "environments", "keratin"):
        text = text.replace(str(getattr(given, name)), name.upper())
    return text.strip()[-300:]


class Results:
    """What was measured, by cell ("W1 b32 t2") and peer; on disk after every cell."""

    def __init__(self, path):
        self.path = path
        self.data = json.loads(path.read_text()) if path.exists() else {"cells": {}, "limits": {}, "commands": []}
        self.data["machine"] = machine()
        self.data["commands"].append(command_text())

    def put(self, part, cell, value):
        self.data[part].setdefault(cell, {}).update(value)
        scratch = self.path.with_suffix(".new")
        scratch.write_text(json.dumps(self.data))
        scratch.replace(self.path)


def command_text():
    """As it was typed, without this machine's folders."""
    words = []
    for word in sys.argv[1:]:
        follows = words and words[-1] in ("--artefacts", "--environments", "--keratin", "--out")
        words.append(words[-1][2:].upper() if follows else word)
    return " ".join(["bench/run.py", *words])


def machine():
    with open("/proc/cpuinfo") as file:
        facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in file)}
    caches = {}
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / part).read_text().strip() for part in ("level", "type", "size"))
        if kind != "Instruction":
            caches["L" + level] = size
    return {"cpu": facts["model name"], "family": "{cpu family}.{model}.{stepping}".format(**facts), "flags": facts["flags"],
            "cores": os.cpu_count(), "caches": caches, "kernel": os.uname().release, "date": time.strftime("%Y-%m-%d")}


def start(peer, jobs, threads, given, results):
    """A worker with all models that it can load; none if it cannot begin at all."""
    worker = Worker(peer, PEERS[peer][0], threads, given)
    ended = None
    for job in jobs:
        cell = "%s b%d t%d" % (*job, threads)
        try:
            answer = {"failed": ended} if ended else worker.load(*job)
        except Exception as error:  # a crash, or no answer: the end of the process
            answer = {"failed": str(error)}
            ended = str(error)
        shown = {name: value for name, value in answer.items() if name in ("failed", "error", "loss", "ready_s")}
        print(f"  {peer:16} {cell:12} {shown}", flush=True)
        if "failed" in answer:
            answer["failed"] = without_folders(answer["failed"], given)
            results.put("cells", cell, {peer: answer})
    if ended:
        worker.end()
        return None
    worker.stop()
    return worker


def measure(job, workers, given, results):
    cell = "%s b%d t%d" % (*job, given.thread_count)
    print(f"{cell}  {TITLES[job[0]]}", flush=True)
    limit = limit_of(*job, given.thread_count, given)
    results.put("limits", cell, limit)
    ready = {peer: worker for peer, worker in workers.items() if "failed" not in worker.models[job][1] and
             (peer != "keratin:loop" or worker.models[job][1]["once"] < SHORT)}
    runs = {peer: [] for peer in ready}
    for turn in range(given.rounds):
        for peer, worker in ready.items():
            if turn == 0:
                worker.ask(f"run {worker.models[job][0]} 5 {given.slice / 2} {worker.models[job][2]}", LOADING_LIMIT)
            runs[peer] += slice_of(worker, job, given)
    for peer, worker in ready.items():
        _, answer, count = worker.models[job]
        results.put("cells", cell, {peer: {**answer, "count": count, "runs": runs[peer]}})
        least = min(time for run in runs[peer] for time in run["times"])
        print(f"  {peer:16} {least * 1e3:10.4f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artefacts", type=pathlib.Path, required=True, help="the folder that prepare.py made")
    parser.add_argument("--environments", type=pathlib.Path, required=True, help="the folder of the Python environments")
    parser.add_argument("--keratin", type=pathlib.Path, default=HERE.parent / "build" / "release" / "bin" / "keratin")
    parser.add_argument("--peers", default=",".join(DEFAULT), help="of " + ", ".join(PEERS))
    parser.add_argument("--work", default=",".join(BATCHES), help="of " + ", ".join(BATCHES))
    parser.add_argument("--batch", type=int, help="only this batch")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=40, help="most measurements in a slice")
    parser.add_argument("--slice", type=float, default=1.0, help="most seconds of a slice")
    parser.add_argument("--again", type=int, default=2, help="most repetitions of a slice that others disturbed")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results.json")
    given = parser.parse_args()
    for folder in ("artefacts", "environments", "keratin"):
        setattr(given, folder, getattr(given, folder).resolve())
    results = Results(given.out)
    for threads in map(int, given.threads.split(",")):
        given.thread_count = threads
        for training in (False, True):
            jobs = [(work, batch) for work in given.work.split(",") if is_training(work) == training
                    for batch in BATCHES[work] if given.batch in (None, batch)]
            workers = {}
            for peer in given.peers.split(",") if jobs else []:
                if PEERS[peer][1] or not training:
                    workers[peer] = start(peer, jobs, threads, given, results)
            workers = {peer: worker for peer, worker in workers.items() if worker}
            for job in jobs:
                measure(job, workers, given, results)
            for worker in workers.values():
                worker.end()


if __name__ == "__main__":
    main()
