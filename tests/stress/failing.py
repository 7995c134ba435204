"""A training on a disk that is full: ``[fsync|replace|write N] command|batches EPOCHS``.

The N-th call fails, as ENOSPC does; a write has written half by then. "command" is ``minicnn
train``, "batches" a program of its own that writes a checkpoint in the middle of epochs, too.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import sys
from collections.abc import Callable
from typing import Any


def fail_once(number: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, which raises OSError the number-th time."""
    count = itertools.count(1)

    def failing(*args: Any, **options: Any) -> Any:
        if next(count) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call(*args, **options)

    return failing


class HalfWritten(io.BufferedWriter):
    """A file of which half is written."""

    def write(self, content: Any) -> int:
        super().write(content[: len(content) // 2])
        self.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def open_failing(number: int) -> Callable[..., Any]:
    """``io.open``, whose number-th new file of bytes cannot be written as a whole."""
    count, original = itertools.count(1), io.open

    def open_file(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if mode == "xb" and next(count) == number:
            return HalfWritten(io.FileIO(file, "x"))
        return original(file, mode, *args, **options)

    return open_file


def command(epochs: int) -> int:
    from minicnn.cli import main

    resume = ["--resume", CHECKPOINT] if os.path.exists(CHECKPOINT) else []
    return main([
        "train", "lenet5", "--data", DIGITS, "--epochs", str(epochs), "--seed", "1",
        "--checkpoint", CHECKPOINT, "--weights", WEIGHTS, *resume,
    ])  # fmt: skip


def batches(epochs: int) -> int:
    import minicnn as mc
    from minicnn import nn

    mc.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(),
        nn.Linear(4 * 6 * 6, 10),
    )  # fmt: skip
    digits = mc.data.load_directory(DIGITS, "train")
    train = mc.data.DataLoader(digits, 32, shuffle=True, seed=1)
    checkpoint = mc.train.Checkpoint(CHECKPOINT, every_batches=2)
    trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()), callbacks=[checkpoint])
    resume = CHECKPOINT if os.path.exists(CHECKPOINT) else None
    try:
        trainer.fit(train, epochs, resume=resume)
        mc.save(WEIGHTS, model.state_dict())
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


PROGRAMS = {"command": command, "batches": batches}
CHECKPOINT, WEIGHTS, DIGITS = "run.ckpt", "weights.st", "../digits"


def main(arguments: list[str]) -> int:
    if arguments[0] in ("fsync", "replace"):
        name, number, *arguments = arguments
        setattr(os, name, fail_once(int(number), getattr(os, name)))
    elif arguments[0] == "write":
        _, number, *arguments = arguments
        io.open = open_failing(int(number))
    program, epochs = arguments
    return PROGRAMS[program](int(epochs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
