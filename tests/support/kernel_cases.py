"""Arguments for every kernel of the contract, and for the kernels of the optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from minicnn.backend import kernels_for, to_device
from minicnn.backend.cuda import channels, convolution, norm, updates
from minicnn.backend.geometry import make_window
from minicnn.backend.padding import padding_map
from minicnn.backend.updates import Options, State

Array = NDArray[Any]


def numbers(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def integers(seed: int, below: int, *shape: int) -> Array:
    return np.random.default_rng(seed).integers(0, below, shape)


# Images for more than two blocks of threads; several pieces of each channel and of each line.
WINDOW = make_window("test", (7, 6), (3, 2), (2, 1), ((1, 1), (0, 1)))
X, Y = numbers(0, 6, 7, 6, 5), numbers(1, 6, *WINDOW.output_size, 5)
WEIGHT, BIAS = numbers(2, 4, 3, 3, 2), numbers(3, 4)
CONVOLVED = numbers(4, 4, *WINDOW.output_size, 5)
ROWS, COLUMNS = padding_map(7, 2, 1, "reflect"), padding_map(6, 1, 3, "circular")
LINES, GRAD = numbers(5, 3, 300, 40), numbers(6, 3, 300, 40)
STATISTICS = np.abs(np.random.default_rng(7).standard_normal((3, 3, 40)))
SCORES, CLASSES = numbers(8, 90, 5, 7), integers(9, 5, 90, 7)
RESPONSE = (2, 1, 0.3, 0.75, 1.5)
RUNNING = (numbers(10, 300), numbers(11, 300), np.array(4), np.ones((3, 300, 1)))
CASES: dict[str, tuple[Any, ...]] = {
    "convolve": (X, WEIGHT, BIAS, WINDOW, 2),
    "convolve_input_gradient": (CONVOLVED, WEIGHT, WINDOW, 2),
    "convolve_weight_gradient": (X, CONVOLVED, WINDOW, 2),
    "linear": (numbers(23, 70, 40), numbers(24, 9, 70), numbers(25, 9)),
    "linear_input_gradient": (numbers(26, 9, 40), numbers(24, 9, 70)),
    "linear_weight_gradient": (numbers(23, 70, 40), numbers(26, 9, 40)),
    "im2col": (X, WINDOW),
    "col2im": (numbers(12, 6, 3, 2, *WINDOW.output_size, 5), WINDOW),
    "max_pool": (X, WINDOW),
    "min_pool": (X, WINDOW),
    "winner_scatter": (Y, X, Y, WINDOW),
    "winner_gather": (X, X, Y, WINDOW),
    "unpool": (numbers(13, 30, 3, 4, 20), integers(14, 30, 30, 3, 4, 20), (5, 6)),
    "unpool_adjoint": (numbers(15, 30, 5, 6, 20), integers(14, 30, 30, 3, 4, 20)),
    "avg_pool": (X, WINDOW, np.ones(WINDOW.output_size, np.float32)),
    "avg_pool_adjoint": (Y, WINDOW, np.ones(WINDOW.output_size, np.float32)),
    "pad": (X, ROWS, COLUMNS, 1.5),
    "pad_adjoint": (numbers(16, 6, len(ROWS), len(COLUMNS), 5), ROWS, COLUMNS, (7, 6)),
    "sum_over_neighbour_channels": (X, 2, 1),
    "sum_per_channel": (X,),
    "response_norm": (X, *RESPONSE),
    "response_norm_grad": (X[::-1].copy(), X, *RESPONSE),
    "line_statistics": (LINES, 1e-5),
    "known_statistics": (numbers(17, 600), np.abs(numbers(18, 600)), 1e-5),
    "update_running": (*RUNNING, None, 1.5),
    "standardise": (LINES, STATISTICS, numbers(19, 1, 300, 1), numbers(20, 1, 300, 1)),
    "line_sums": (GRAD, LINES, STATISTICS, numbers(19, 1, 300, 1)),
    "sums_across_lines": (GRAD, LINES, STATISTICS),
    "standardise_grad": (GRAD, LINES, STATISTICS, None, np.ones((2, 3, 40), np.float32)),
    "erf": (X,),
    "sigmoid": (X,),
    "gelu": (X,),
    "gelu_grad": (X, X),
    "join": ([X.ravel(), Y.ravel()], np.zeros(X.size + Y.size, np.float32)),
    "keep": (X, X > 0),
    "relu": (X,),
    "relu_grad": (X, np.maximum(X, 0)),
    "softmax": (SCORES, 1),
    "log_softmax": (SCORES, 1),
    "cross_entropy": (SCORES, CLASSES),
    "cross_entropy_grad": (numbers(21, 90, 7), SCORES, CLASSES),
    "is_largest": (SCORES, CLASSES),
    "gather_class": (SCORES, CLASSES),
    "scatter_class": (numbers(21, 90, 7), CLASSES, 5),
    "uniform": (X, 9000, 2**63 + 5),
}
FLAT = np.abs(numbers(22, 3, 600))
OPTIONS = Options(
    lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True, betas=(0.9, 0.99), eps=1e-8,
    lr_decay=0.1, alpha=0.9, rho=0.9,
)  # fmt: skip
STATES = {
    "sgd": ["momentum_buffer"],
    "adam": ["exp_avg", "exp_avg_sq"],
    "adamw": ["exp_avg", "exp_avg_sq"],
    "adagrad": ["sum"],
    "rmsprop": ["square_avg", "grad_avg", "momentum_buffer"],
    "adadelta": ["square_avg", "acc_delta"],
}


def use_several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even these small arrays into pieces."""
    for name in ("ON_GPU", "ON_CPU"):
        monkeypatch.setattr(norm, name, getattr(norm, name)._replace(share=1))
    monkeypatch.setattr(norm, "MOST_PIECES", 3)
    monkeypatch.setattr(channels, "PIECE", 100)
    monkeypatch.setattr(convolution, "PIECE", 20)
    monkeypatch.setattr(convolution, "RUN", 10)
    monkeypatch.setattr(convolution, "MOST_TAPS", 5)
    for plan in ("_forward_plan", "_gradient_plan", "_weight_plan"):  # not those kept for others
        monkeypatch.setattr(convolution, plan, getattr(convolution, plan).__wrapped__)


def moved(value: Any, device: str) -> Any:
    if isinstance(value, list):
        return [moved(v, device) for v in value]
    return to_device(value, device) if isinstance(value, np.ndarray) else value


def computed_bits(name: str, device: str) -> list[bytes]:
    """The bits of the result and of the arguments, some of which a kernel changes."""
    if name in STATES:
        arrays = [moved(FLAT[k % 3].copy(), device) for k in range(2 + len(STATES[name]))]
        state = State(**dict(zip(STATES[name], arrays[2:], strict=True)))
        getattr(updates, name)(arrays[0], arrays[1], 2, state, OPTIONS)
    else:
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in CASES[name]]
        arguments = [moved(argument, device) for argument in copies]
        kernels = kernels_for(to_device(X, device))
        arrays = [getattr(kernels, name)(*arguments), *arguments]
        arrays += [a for argument in arguments if isinstance(argument, list) for a in argument]
    return [array.tobytes() for array in arrays if isinstance(array, np.ndarray)]
