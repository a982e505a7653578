"""How far training a model scales over machines: a model of the time of a step.

    scaling.py [--keratin PROGRAM] [--batch N] [--network NAME | --alpha SECONDS --beta SECONDS/BYTE] MODEL

What a rank computes is measured here: each kernel of `train_step.ranks`, for N samples. What ranks send is read from the program, in its
order: a message costs alpha seconds and beta seconds per byte, and messages wait for each other. Computation goes on meanwhile, until it
needs what has not arrived. That is played through, launch by launch, as runtime/mpi/mpi_group.cpp does it. The table is for N samples
per rank, however many ranks there are; the efficiency is the time of a step that waits for nobody, divided by that of a step of K. All
ranks are taken to be equally fast at all times.
"""

import argparse
import json
import math
import re
import subprocess

BUCKET = 2 << 20  # bytes: runtime/mpi/mpi_group.cpp
WHOLE = 32 << 10  # bytes of a bucket that is not cut: runtime/mpi/bucket.cpp
ADD = 1 / 8e9  # seconds per byte that is added, from memory to memory

# Of one message, and of a byte, between two machines: what such networks are said to do.
NETWORKS = {
    "infiniband": (2e-6, 1 / 11e9),  # 100 Gbit/s, RDMA
    "ethernet": (25e-6, 1 / 1.1e9),  # 10 Gbit/s, TCP
}
BYTES = {"bool": 1, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "i64": 8, "u64": 8, "f64": 8}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--keratin", default="keratin")
    parser.add_argument("--batch", type=int, default=32, help="samples of a rank (32)")
    parser.add_argument("--seconds", type=float, default=1, help="how long each program is measured")
    parser.add_argument("--network", choices=NETWORKS, help="instead of all")
    parser.add_argument("--alpha", type=float, help="seconds of a message")
    parser.add_argument("--beta", type=float, help="seconds of a byte")
    return parser.parse_args()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure(args, function):
    """The seconds of a call, and of its launches by kernel, which add up to them."""
    report = json.loads(run(args.keratin, "bench", args.model, "--func", function, "--free-batch", "--batch", str(args.batch),
                            "--seconds", str(args.seconds), "--json"))
    scale = report["seconds"] / sum(launch["seconds"] for launch in report["launches"])
    return report["seconds"], {launch["kernel"]: scale * launch["seconds"] for launch in report["launches"]}


def read_program(args, seconds):
    """The launches of a step: (seconds, buffers read or written, buffer that is then reduced, its bytes)."""
    text = run(args.keratin, "dump", args.model, "--func", "train_step.ranks", "--stage", "loops")
    program = text[text.rindex("\nprogram ") :]
    bytes_of, launches = {}, []
    for line in program.splitlines():
        if buffer := re.match(r"  \w+ ([%@]\S+): (\w+)\[([^\]]*)\]", line):
            extents = [int(extent) for extent in buffer[3].split(",") if extent.isdigit()]
            bytes_of[buffer[1]] = BYTES.get(buffer[2], 4) * math.prod(extents)
        elif launch := re.match(r"  launch @(\S+?)\((.*)\)(?: all_reduce \w+)?$", line):
            buffers = [name for name in launch[2].split(", ") if name]
            reduced = buffers[-1] if " all_reduce " in line else None
            launches.append((seconds[launch[1]], buffers, reduced, bytes_of[buffers[-1]] if reduced else 0))
    return launches


def exchange(size, ranks, alpha, beta):
    """The seconds of one bucket."""
    if size <= WHOLE:
        return math.ceil(math.log2(ranks)) * alpha + (ranks - 1) * size * (beta + ADD)
    return 2 * (ranks - 1) * (alpha + size / ranks * beta) + (ranks - 1) / ranks * size * ADD


def step(launches, ranks, alpha, beta):
    """The seconds of a step of so many ranks."""
    now = network = 0.0
    bucket, size, arrival = [], 0, {}

    def send():
        nonlocal network, bucket, size
        network = max(now, network) + exchange(size, ranks, alpha, beta)
        arrival.update(dict.fromkeys(bucket, network))
        bucket, size = [], 0

    for seconds, buffers, reduced, count in launches:
        if any(buffer in bucket for buffer in buffers):
            send()
        now = max([now] + [arrival.pop(buffer) for buffer in buffers if buffer in arrival]) + seconds
        if reduced is not None:
            bucket.append(reduced)
            size += max(count, 64)
            if size >= BUCKET:
                send()
    if bucket:
        send()
    return max([now, *arrival.values()])


def main():
    args = parse_arguments()
    alone, _ = measure(args, "train_step")
    of_rank, kernels = measure(args, "train_step.ranks")
    launches = read_program(args, kernels)
    sent = sum(launch[3] for launch in launches)
    print(f"{args.model}, {args.batch} samples per rank: {1e3 * alone:.3f} ms alone, {1e3 * of_rank:.3f} ms as a rank, "
          f"which reduces {sum(launch[2] is not None for launch in launches)} arrays, {sent / 1e6:.2f} MB")
    networks = {args.network: NETWORKS[args.network]} if args.network else NETWORKS
    if args.alpha is not None:
        networks = {"given": (args.alpha, args.beta)}
    for name, (alpha, beta) in networks.items():
        print(f"\n{name}: {1e6 * alpha:g} us per message, {1e-9 / beta:g} GB/s")
        whole = min(alone, of_rank)  # what is measured is disturbed now and then
        print("| ranks | ms per step | efficiency | samples per second |\n|---|---|---|---|")
        last = 1
        for ranks in [2**power for power in range(1, 11)]:
            time = step(launches, ranks, alpha, beta)
            efficiency = whole / time
            last = ranks if efficiency >= 0.5 else last
            print(f"| {ranks} | {1e3 * time:.3f} | {100 * efficiency:.0f} % | {ranks * args.batch / time:,.0f} |")
        print(f"at least half of the time is used by up to {last} ranks")


if __name__ == "__main__":
    main()
