"""Is this checkout faster or slower than another one, of the state before a change?

    git worktree add ../before HEAD~1
    python -m benchmarks.before_after ../before

The same step runs in both: training steps of the networks, and single operations with their
gradients. Each checkout has a process of its own, and the two take turns. A ratio above 1 means
that this checkout is slower.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .contest import Build, Step, contest, ratio, save
from .networks import NETWORKS, minicnn_step
from .options import Parser

HERE = Path(__file__).parent.parent

# The shapes of x, and the operation on x (N, C, H, W) and a weight.
OPS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Callable[..., Any]]] = {
    "conv2d 1 -> 6, 5x5": ((128, 1, 28, 28), (6, 1, 5, 5), lambda ops, x, w: ops.conv2d(x, w)),
    "conv2d 32 -> 64, 3x3": ((128, 32, 13, 13), (64, 32, 3, 3), lambda ops, x, w: ops.conv2d(x, w)),
    "conv2d 64 -> 32, 1x1": ((128, 64, 13, 13), (32, 64, 1, 1), lambda ops, x, w: ops.conv2d(x, w)),
    "conv2d, same, 2 groups": (
        (64, 32, 13, 13),
        (64, 16, 3, 3),
        lambda ops, x, w: ops.conv2d(x, w, padding="same", groups=2),
    ),
    "max_pool2d 2x2": ((128, 32, 26, 26), (1,), lambda ops, x, w: ops.max_pool2d(x, 2)),
    "max_pool2d 3x3, stride 2": (
        (128, 32, 26, 26),
        (1,),
        lambda ops, x, w: ops.max_pool2d(x, 3, 2),
    ),
    "avg_pool2d 2x2": ((128, 32, 26, 26), (1,), lambda ops, x, w: ops.avg_pool2d(x, 2)),
    "pad2d reflect": ((128, 32, 26, 26), (1,), lambda ops, x, w: ops.pad2d(x, 1, "reflect")),
    "relu": ((128, 32, 26, 26), (1,), lambda ops, x, w: ops.relu(x)),
    "gelu": ((128, 32, 26, 26), (1,), lambda ops, x, w: ops.gelu(x)),
    "local_response_norm": (
        (128, 32, 26, 26),
        (1,),
        lambda ops, x, w: ops.local_response_norm(x, 5),
    ),
    "linear": ((128, 1600), (128, 1600), lambda ops, x, w: ops.linear(x, w)),
    "log_softmax": ((128, 1000), (1,), lambda ops, x, w: ops.log_softmax(x)),
    "add of one number": ((1,), (1,), lambda ops, x, w: x + w),
}


def step_in(checkout: str, build: Build, *args: Any) -> Step:
    """The step of a build, with the minicnn of that checkout; runs in a process of its own."""
    sys.path.insert(0, checkout)
    step = build(*args)
    import minicnn

    assert Path(minicnn.__file__).is_relative_to(checkout), minicnn.__file__
    return step


def op_step(name: str) -> Step:
    """An operation and its gradients, on images that lie batch-last in memory."""
    import minicnn as mc

    x_shape, weight_shape, function = OPS[name]
    rng = np.random.default_rng(0)
    stored = rng.standard_normal((*x_shape[1:], x_shape[0]), np.float32)
    x = mc.Tensor(np.moveaxis(stored, -1, 0), requires_grad=True)
    weight = mc.Tensor(rng.standard_normal(weight_shape, np.float32), requires_grad=True)
    grad = np.ones_like(function(mc.ops, x, weight).data)

    def step() -> None:
        x.grad = weight.grad = None
        function(mc.ops, x, weight).backward(grad)

    return step


def revision(checkout: str) -> str:
    """The commit of a checkout, or "before" where git does not know it."""
    found = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return found.stdout.strip() or "before"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contests and print their tables."""
    parser = Parser(__doc__, rounds=(20, 2), steps=(10, 2), sizes=(len(OPS), 1))
    parser.add_argument(
        "before",
        type=Path,
        nargs="?",
        default=HERE,
        help="the folder of the other checkout (default: this one, which shows the noise)",
    )
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128], metavar="N")
    options = parser.options(arguments)
    checkouts = {"before": str(options.before.resolve()), "after": str(HERE)}
    before = revision(checkouts["before"])
    lines = [
        f"| work | {before}, ms | this, ms | this / {before} (quartiles) |",
        "|---|---|---|---|",
    ]
    print("\n".join(lines))
    numbers: dict[str, Any] = {}
    works: list[tuple[str, Build, tuple[Any, ...]]] = [
        (f"step of {network}, N {batch}", minicnn_step, (network, batch))
        for batch in options.batch_sizes
        for network in NETWORKS
    ]
    works += [(f"{name}, with gradients", op_step, (name,)) for name in list(OPS)[: options.sizes]]
    for work, build, args in works:
        builds: dict[str, Build] = {
            name: partial(step_in, checkout, build) for name, checkout in checkouts.items()
        }
        results = contest(builds, args, options.rounds, options.steps)
        quotient, low, high = ratio(results["after"], results["before"])
        times = " | ".join(f"{result.median * 1e3:.3f}" for result in results.values())
        lines.append(f"| {work} | {times} | **{quotient:.2f}** ({low:.2f}-{high:.2f}) |")
        print(lines[-1], flush=True)
        numbers[work] = {
            "seconds": [r.median for r in results.values()],
            "ratio": [quotient, low, high],
        }
    save("before_after", "\n".join(lines), numbers, options.results)


if __name__ == "__main__":
    main()
