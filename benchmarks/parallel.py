"""How much faster do several processes train one network together?

    python -m benchmarks.parallel

A Trainer on random images in memory, in 1, 2, and 4 processes that ``mpiexec`` starts, on the
devices "cpu" and "native": with a batch that the processes share (strong scaling), and with a batch
for each of them (weak scaling). A single process uses all cores; of several each uses its part of
them. The numbers of processes take turns, round after round, each time in new processes. With more
processes than cores some wait for others, which MPI does by asking again and again.

Then how long an all-reduce takes between two processes, by the size of its message, and from that,
on paper, the time of a step in many processes, each on a core of its own:

    step(n) = compute(batch / n) + 2 · ceil(log2 n) · latency + 2 · (n - 1) / n · bytes / bandwidth

compute is linear in the images, through the steps of one process and thread with 2 and with 512.
TARGETS: step with 2 processes / step with 1 on two cores, device "cpu".
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from minicnn.parallel.launch import find_mpiexec

from .contest import Ratio, save
from .devices import programs
from .networks import NETWORKS, PARAMETERS
from .options import Parser

TARGETS = {
    ("lenet5", 128): 0.80,
    ("alexnet_mnist", 128): 0.70,
    ("lenet5", 512): 0.60,
    ("alexnet_mnist", 512): 0.60,
}
SIZES = (1, 2, 4)
BATCHES = (128, 512)
MESSAGES = [2**k for k in range(6, 25, 3)]  # bytes
ON_PAPER = (1, 2, 8, 64, 1024)
ETHERNET = (30e-6, 1.1e9)
"""Seconds and bytes per second of a message: what 10-gigabit Ethernet usually has."""


def train_steps(network: str, device: str, batch: int, steps: int) -> dict[str, float]:
    """Seconds of a training step, and of its communication; called in each process."""
    import minicnn as mc

    mc.manual_seed(0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (steps * batch, 28, 28), np.uint8)
    dataset = mc.data.ArrayDataset(images, np.arange(len(images)) % 10)
    loader = mc.data.DataLoader(dataset, batch, shuffle=True, seed=0)
    model = getattr(mc.models, network)()
    trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()), device=device)
    trainer.fit(loader, 1)
    processes, seconds, talking = mc.parallel.group(), [], []
    for _ in range(3):
        before = processes.seconds
        seconds.append(trainer.fit(loader, 1)["seconds"][-1] / steps)
        talking.append((processes.seconds - before) / steps)
    return {"step": statistics.median(seconds), "communication": statistics.median(talking)}


def send_messages(repeats: int) -> dict[str, float]:
    """Seconds of an all-reduce for each of the MESSAGES; called in each process."""
    import time

    import minicnn as mc

    processes, found = mc.parallel.group(), {}
    for size in MESSAGES:
        x, seconds = np.zeros(size // 4, np.float32), []
        for _ in range(repeats):
            processes.gather(None)
            start = time.perf_counter()
            processes.sum_in_place(x)
            seconds.append(time.perf_counter() - start)
        found[str(size)] = statistics.median(seconds)
    return found


def run_here(arguments: Sequence[str]) -> None:
    """What a process does that ``launch`` has started: print what it measured."""
    import minicnn as mc

    name, *rest = arguments
    if name == "steps":
        found = train_steps(rest[0], rest[1], int(rest[2]), int(rest[3]))
    else:
        found = send_messages(int(rest[0]))
    if mc.parallel.rank() == 0:
        print(json.dumps(found))


def launch(processes: int, *arguments: object, one_thread: bool = False) -> dict[str, float]:
    """Run this file in so many processes; what the first of them measured."""
    command = [str(find_mpiexec()), "-n", str(processes)] if processes > 1 else []
    command += [sys.executable, "-m", "benchmarks.parallel", "here", *map(str, arguments)]
    environment = dict(os.environ)
    if one_thread:
        environment |= {"OMP_NUM_THREADS": "1", "MINICNN_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all, print the tables and save them."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["here"]:
        run_here(given[1:])
        return
    parser = Parser(__doc__, rounds=(5, 1), steps=(10, 1), works=(4, 1))
    options = parser.options(arguments)
    if find_spec("mpi4py") is None or find_mpiexec() is None:
        print("skipped: it needs mpi4py and mpiexec: pip install minicnn[parallel]")
        return
    works = [(network, batch) for batch in BATCHES for network in NETWORKS][: options.works]
    lines, numbers = scaling(works, list(programs().values()), options)
    more, on_paper = paper(options)
    table = "\n".join([*lines, "", *more])
    save("parallel" + options.more, table, {"scaling": numbers, "paper": on_paper}, options.results)


def scaling(
    works: list[tuple[str, int]], devices: list[str], options: Any
) -> tuple[list[str], list[dict[str, Any]]]:
    """The table of measured steps, and its numbers."""
    columns = (
        *("network", "device", "batch", "processes", "step, ms", "communication, ms"),
        *("step / that of 1 process (quartiles)", "target", "images per second / those of 1"),
    )
    lines, rows = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"], []
    print("\n".join(lines), flush=True)
    for network, batch in works:
        for device in devices:
            for is_weak in (False, True) if batch == BATCHES[0] else (False,):
                found: dict[int, list[dict[str, float]]] = {n: [] for n in SIZES}
                for _ in range(options.rounds):
                    for n in SIZES:
                        whole = batch * n if is_weak else batch
                        found[n].append(launch(n, "steps", network, device, whole, options.steps))
                for n in SIZES:
                    row = measured(found[1], found[n])
                    speed = (n if is_weak else 1) / row["ratio"][0]
                    rows.append(
                        {
                            **{"network": network, "device": device, "processes": n},
                            **{"batch": batch, "is_weak": is_weak, "speed": speed, **row},
                        }
                    )
                    target = TARGETS.get((network, batch), "")
                    cells = (
                        *(network, device, f"{batch} each" if is_weak else batch, n),
                        *(f"{row['step'] * 1e3:.2f}", f"{row['communication'] * 1e3:.2f}"),
                        f"{Ratio(*row['ratio']):.2f}" if n > 1 else "",
                        target if n == 2 and device == "cpu" and not is_weak else "",
                        f"{speed:.2f}",
                    )
                    lines.append(f"| {' | '.join(map(str, cells))} |")
                    print(lines[-1], flush=True)
    return lines, rows


def measured(single: list[dict[str, float]], together: list[dict[str, float]]) -> dict[str, Any]:
    """What several processes need, compared with one."""
    by_round = [b["step"] / a["step"] for a, b in zip(single, together, strict=True)]
    low, high = np.percentile(by_round, [25, 75]).tolist()
    step = statistics.median(x["step"] for x in together)
    return {
        "step": step,
        "communication": statistics.median(x["communication"] for x in together),
        "ratio": [step / statistics.median(x["step"] for x in single), low, high],
    }


def paper(options: Any) -> tuple[list[str], dict[str, Any]]:
    """The tables of messages and of the model on paper."""
    repeats = 5 if options.quick else 200
    seconds = {int(size): s for size, s in launch(2, "messages", repeats).items()}
    lines = ["| bytes | all-reduce between two processes, µs |", "|---|---|"]
    lines += [f"| {size:,} | {s * 1e6:.0f} |" for size, s in seconds.items()]
    columns = ("network", "network of computers", "batch", *(f"{n} processes" for n in ON_PAPER))
    lines += ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    here = min(seconds.values()) / 2, max(MESSAGES) / seconds[max(MESSAGES)]
    links = {"as measured here": here, "10-gigabit Ethernet": ETHERNET}
    numbers: dict[str, Any] = {"seconds": seconds, "links": links, "steps": {}}
    for network in NETWORKS:
        small, large = (
            launch(1, "steps", network, "cpu", batch, options.steps, one_thread=True)["step"]
            for batch in (2, 512)
        )
        per_image = (large - small) / (512 - 2)
        fixed = small - 2 * per_image
        numbers["steps"][network] = {"fixed": fixed, "per_image": per_image}
        for link, (latency, bandwidth) in links.items():
            for batch, is_weak in ((128, False), (4096, False), (128, True)):
                cells = []
                for n in ON_PAPER:
                    step = fixed + per_image * (batch if is_weak else batch / n)
                    if n > 1:
                        size = 4 * PARAMETERS[network]
                        step += 2 * math.ceil(math.log2(n)) * latency
                        step += 2 * (n - 1) / n * size / bandwidth
                    single = fixed + per_image * batch
                    speed = single / step * (n if is_weak else 1)
                    cells.append(f"{step * 1e3:.2f} ms, {speed:.1f}x")
                name = f"{batch} each" if is_weak else batch
                lines.append(f"| {network} | {link} | {name} | {' | '.join(cells)} |")
    print("\n".join(lines))
    return lines, numbers


if __name__ == "__main__":
    main()
