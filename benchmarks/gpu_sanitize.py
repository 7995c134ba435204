"""Does any operation on a GPU read or write outside its arrays?

    compute-sanitizer --error-exitcode 9 python -m benchmarks.gpu_sanitize

Every image operation and activation, forward and back, and a step of each optimizer, once. Each
array is a cudaMalloc of its own, so that compute-sanitizer notices an index outside of any of them;
CuPy's memory pool would hide most. Run by itself, the program only shows that every call succeeds.
The operations are those of ``tests/ops/test_memory_order.py``, which needs pytest.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import minicnn as mc

from .contest import save
from .gpu import add_device, chosen_device, device_name, wait
from .options import Parser

TESTS = Path(__file__).parent.parent / "tests"
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every call once, print the table and save it."""
    parser = Parser(__doc__, batch_size=(5, 2))
    add_device(parser)
    options = parser.options(arguments)
    device = chosen_device(options)
    allocate_separately(device)
    lines, rows = ["| call | ms, with compiling |", "|---|---|"], []
    print("\n".join(lines))
    for name, call in calls(device, options.batch_size):
        start = time.perf_counter()
        call()
        wait(device)  # an error of a kernel is raised here, under the right name
        seconds = time.perf_counter() - start
        lines.append(f"| {name} | {seconds * 1e3:.1f} |")
        print(lines[-1], flush=True)
        rows.append({"call": name, "seconds": seconds})
    lines += ["", f"The device: {device_name(device)}."]
    numbers = {"device": device_name(device), "calls": rows}
    save(f"gpu_sanitize{options.more}", "\n".join(lines), numbers, options.results)


def allocate_separately(device: str) -> None:
    """Turn off CuPy's memory pool for this process."""
    if device.startswith("cuda"):
        import cupy

        cupy.cuda.set_allocator(None)


def calls(device: str, batch_size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Operations with their gradients, then training steps."""
    sys.path.insert(0, str(TESTS))
    cases = import_module("ops.test_memory_order")
    for name, op in {**cases.IMAGE_OPS, **cases.ELEMENTWISE}.items():
        yield name, partial(_forward_and_back, op, cases.image(device=device))
    x, y = mc.tensor(np.ones((batch_size, 1, 28, 28), np.float32)).to(device), np.arange(batch_size)
    for name in OPTIMIZERS:
        yield f"LeNet-5, {name}", partial(_training_step, name, x, y, device)


def _forward_and_back(op: Callable[[Any], Any], x: Any) -> None:
    y = op(x)
    if y.requires_grad:  # indices have no gradient
        mc.grad(y, x, np.ones(y.shape, y.dtype))


def _training_step(name: str, x: Any, y: Any, device: str) -> None:
    model = mc.models.lenet5().to(device)
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    optimizer = getattr(mc.optim, name)(model.parameters(), lr=0.01, **options)
    mc.ops.cross_entropy(model(x), y).backward()
    mc.optim.clip_grad_norm(model.parameters(), 1.0)
    optimizer.step()


if __name__ == "__main__":
    main()
