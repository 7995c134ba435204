"""Callbacks: when each is called and with what; the progress bar in a file and on a terminal."""

from __future__ import annotations

import math
import os
import re
import struct
import subprocess
import sys
from itertools import cycle

import pytest
from support.missing import skip_without

from minicnn.train import Callback, ProgressBar, progress_bar

LINE = (
    r"epoch %s  loss \d+\.\d{4}  accuracy \d+\.\d\d%%  validation \d+\.\d\d%%  "
    r"[\d,]+ images/s"
)


def test_they_are_called_in_order_with_the_documented_arguments(make, batches, recorder):
    trainer = make(callbacks=[recorder])
    history = trainer.fit(batches, 2, validation=batches)
    epoch = ["epoch_begin", *["batch_end"] * 3, "epoch_end"]
    assert recorder.events == ["fit_begin", *epoch, *epoch]
    assert all(call[1] is trainer for call in recorder.calls)
    arguments = [call[2:] for call in recorder.calls]
    assert arguments[0] == (2,)
    assert [arguments[1], arguments[6]] == [(1, 3), (2, 3)]
    assert [images for images, _ in arguments[2:5]] == [8, 8, 6]
    assert [arguments[5], arguments[10]] == [(1, history.rows[0]), (2, history.rows[1])]
    last_means = arguments[4][1]
    assert list(last_means) == ["loss", "accuracy"]
    assert last_means["loss"] == history.rows[0]["loss"]


def test_means_are_over_the_epoch_so_far(make, batches, recorder):
    trainer = make(lr=0.0, callbacks=[recorder])
    trainer.fit(batches, 1)
    means = [call[3]["loss"] for call in recorder.calls if call[0] == "batch_end"]
    for i, mean in enumerate(means):
        assert mean == pytest.approx(trainer.evaluate(batches[: i + 1])["loss"])


def test_validation_calls_no_batch_end_and_a_generator_has_no_length(make, batches, recorder):
    make(callbacks=[recorder]).fit((b for b in batches), 1, validation=batches)
    assert recorder.calls[1][2:] == (1, None)
    assert recorder.events.count("batch_end") == 3


def test_the_new_row_is_in_the_history_when_the_epoch_ends(make, batches):
    class Check(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            assert trainer.history.rows[-1] is row
            assert len(trainer.history) == epoch

    make(callbacks=[Check()]).fit(batches, 2)


def test_several_callbacks_are_called_in_turn_and_may_stop_training(make, batches, recorder):
    class Stop(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            if epoch == 2:
                raise StopIteration

    with pytest.raises(StopIteration):
        make(callbacks=[recorder, Stop(), Callback()]).fit(batches, 9)
    assert recorder.events.count("epoch_end") == 2


def test_in_a_file_there_is_one_line_for_each_epoch(make, batches, capsys):
    make(callbacks=[ProgressBar()]).fit(batches, 10, validation=batches)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 10
    for number, line in enumerate(lines, 1):
        assert re.fullmatch(LINE % f"{number:2}/10", line), line
    assert err == ""


def test_without_validation_or_metrics_the_line_is_shorter(make, batches, capsys):
    make(callbacks=[ProgressBar()], metrics=()).fit((b for b in batches), 1)
    line = capsys.readouterr().out
    assert re.fullmatch(r"epoch 1/1  loss \d\.\d{4}  [\d,]+ images/s\n", line)


TERMINAL = """
import numpy as np, minicnn as mc
from minicnn import nn
mc.manual_seed(0)
bar = mc.train.ProgressBar()
bar.refresh_seconds = 0
model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
x, y = np.zeros((3, 1, 2, 2), np.float32), np.zeros(3, int)
class Fail(mc.train.Callback):
    def on_batch_end(self, trainer, images, means):
        FAIL
trainer = mc.train.Trainer(model, mc.optim.SGD(model.parameters()), callbacks=[bar, Fail()])
DATA
"""


def on_a_terminal(script: str) -> tuple[str, int]:
    """What a program writes to a pseudo-terminal, and its exit status."""
    skip_without("tqdm")
    pty, fcntl, termios = (
        pytest.importorskip(name, reason="there are no pseudo-terminals here")
        for name in ("pty", "fcntl", "termios")
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 1 << 16):
            written += piece
    except OSError:  # Linux's way of saying that the other side is closed
        pass
    os.close(ours)
    return written.decode(), process.wait()


def left_on_screen(written: str) -> list[str]:
    """The lines as a terminal shows them in the end: a carriage return writes over a line."""
    lines = []
    for line in written.replace("\r\n", "\n").split("\n"):
        screen = ""
        for piece in line.split("\r"):
            screen = piece + screen[len(piece) :]
        lines.append(screen.rstrip())
    return lines


@pytest.mark.parametrize("data", ["[(x, y)] * 3", "((x, y) for _ in range(3))"])
def test_on_a_terminal_a_bar_moves_and_vanishes(data):
    script = TERMINAL.replace("FAIL", "pass").replace("DATA", f"trainer.fit({data}, 1)")
    written, status = on_a_terminal(script)
    assert status == 0, written
    counted = "3/3" if data.startswith("[") else "3/?"
    assert re.search(rf"epoch 1/1.*{re.escape(counted)}.*loss 0\.\d{{4}}", written), written
    assert ("00:00 left" in written) is data.startswith("[")
    lines = [line for line in left_on_screen(written) if line]
    assert len(lines) == 1
    assert re.match(r"epoch 1/1  loss 0\.\d{4}  accuracy", lines[0])


def test_an_error_on_a_terminal_leaves_no_half_bar_before_it():
    script = TERMINAL.replace("FAIL", "raise SystemExit('enough')")
    script = script.replace("DATA", "trainer.fit([(x, y)] * 3, 1)")
    written, status = on_a_terminal(script)
    assert status == 1
    assert [line for line in left_on_screen(written) if line] == ["enough"], written


def test_one_progress_bar_serves_two_fits(make, batches, capsys):
    trainer = make(callbacks=[ProgressBar()])
    trainer.fit(batches, 2)
    trainer.fit(batches, 1)
    titles = [line[:9] for line in capsys.readouterr().out.splitlines()]
    assert titles == ["epoch 1/2", "epoch 2/2", "epoch 1/1"]


def test_the_time_left_is_that_of_all_epochs(make, batches, monkeypatch):
    """At a second a batch; of a resumed training only what was done here counts."""
    now, left = 0, []
    monkeypatch.setattr(progress_bar.time, "perf_counter", lambda: now)
    bar = ProgressBar()
    bar.on_fit_begin(None, 4)

    class Shown:
        total, n, disable = 10, 0, False
        format_interval = staticmethod(lambda seconds: f"{seconds:.0f}")

    bar.bar, bar.epoch, bar.begun = Shown(), 3, 0
    bar.done_before = bar._share_done()
    now = 1
    assert bar._time_left() == ""
    for now in (1, 5, 10):
        bar.bar.n = now
        left.append(bar._time_left())
    assert left == ["  19 left", "  15 left", "  10 left"]


def test_a_bar_in_a_notebook(monkeypatch, make, batches, capsys):
    """With ipywidgets tqdm has another bar there, which is shown although nothing is a terminal."""
    made = []

    class Widget:
        n, total, disable = 0, 1, False

        def __init__(self, **options):
            made.append(options)

        def update(self):
            self.n += 1

        def set_postfix_str(self, text, refresh):
            made.append(text)

        def close(self):
            pass

        format_interval = staticmethod(str)

    import tqdm.autonotebook

    monkeypatch.setattr(tqdm.autonotebook, "tqdm", Widget)
    bar = ProgressBar()
    bar.refresh_seconds = 0
    make(callbacks=[bar]).fit(batches, 1)
    options, *texts = made
    assert options["disable"] is False
    assert "|{bar}|" in options["bar_format"]
    assert texts
    assert capsys.readouterr().out.startswith("epoch 1/1  loss")


@pytest.mark.parametrize(
    "times",
    [[5.0], [9.0, 8.0, 7.0, 6.0], [math.nan], [-math.inf, math.inf], [0.0, math.nan, math.inf]],
    ids=["stands still", "goes back", "nan", "infinite", "mixed"],
)
def test_a_clock_that_does_not_tell_the_time(times, make, batches, monkeypatch, capsys):
    clock = cycle(times)
    monkeypatch.setattr(progress_bar.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = ProgressBar()
    bar.refresh_seconds = 0
    history = make(callbacks=[bar]).fit(batches, 2)
    for name in ("seconds", "images_per_second"):
        assert min(history[name]) > 0
        assert math.isfinite(max(history[name]))
    assert "left" in capsys.readouterr().err
