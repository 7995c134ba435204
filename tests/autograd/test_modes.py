"""no_grad() and detect_anomaly(): as contexts, decorators, nested, recursive, and per context."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.autograd import Function


def recorded() -> bool:
    return (mc.tensor([1.0], requires_grad=True) * 2).requires_grad


def test_no_grad_as_context() -> None:
    assert recorded()
    with mc.no_grad():
        assert not mc.is_grad_enabled()
        assert not recorded()
        with mc.no_grad():
            assert not recorded()
        assert not recorded()
    assert mc.is_grad_enabled()
    assert recorded()


def test_no_grad_ends_with_an_error() -> None:
    with pytest.raises(KeyError), mc.no_grad():
        raise KeyError
    assert recorded()


def test_one_no_grad_object_entered_twice() -> None:
    mode = mc.no_grad()
    with mode, mode:
        assert not recorded()
    assert recorded()
    with mode:
        assert not recorded()
    assert recorded()


def test_no_grad_as_decorator_of_a_function_that_calls_itself() -> None:
    @mc.no_grad()
    def countdown(n: int) -> list[bool]:
        """Doc."""
        return [recorded()] if n == 0 else [*countdown(n - 1), recorded()]

    assert countdown(3) == [False] * 4
    assert recorded()
    assert (countdown.__name__, countdown.__doc__) == ("countdown", "Doc.")


def test_leaves_made_inside_no_grad_still_require_gradients() -> None:
    with mc.no_grad():
        x = mc.tensor([1.0], requires_grad=True)
    (x * 2).backward()
    assert x.grad is not None


def test_backward_works_inside_no_grad() -> None:
    x = mc.tensor([3.0], requires_grad=True)
    y = x * x
    with mc.no_grad():
        (g,) = mc.grad(y, x, create_graph=True)
        assert not mc.is_grad_enabled()
    assert g.requires_grad  # asked for explicitly


def test_modes_belong_to_their_thread() -> None:
    seen: dict[str, bool] = {}
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with mc.no_grad():
            inside.set()
            leave.wait(10)
            seen["worker"] = mc.is_grad_enabled()

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    seen["main"] = mc.is_grad_enabled()
    with mc.no_grad():
        fresh = threading.Thread(target=lambda: seen.update(fresh=mc.is_grad_enabled()))
        fresh.start()
        fresh.join()
    leave.set()
    thread.join()
    assert seen == {"worker": False, "main": True, "fresh": True}


def test_a_decorated_function_in_two_threads_at_once() -> None:
    """Calls that overlap without nesting: each thread gets back its own mode."""
    inside = {"first": threading.Event(), "second": threading.Event()}
    leave = {"first": threading.Event(), "second": threading.Event()}
    after: dict[str, bool] = {}

    @mc.no_grad()
    def work(name: str) -> None:
        inside[name].set()
        leave[name].wait(10)

    def first() -> None:
        work("first")
        after["first"] = mc.is_grad_enabled()

    def second() -> None:
        with mc.no_grad():
            work("second")
            after["second"] = mc.is_grad_enabled()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread, event in zip(threads, inside.values(), strict=True):
        thread.start()
        event.wait(10)
    for thread, event in zip(threads, leave.values(), strict=True):
        event.set()
        thread.join()
    assert after == {"first": True, "second": False}


def test_asyncio_tasks_that_take_turns_have_their_own_modes() -> None:
    """One is inside no_grad while another records; a task or thread started inside is, too."""

    async def work(inside: bool) -> list[bool]:
        seen = []
        for _ in range(3):
            with mc.no_grad() if inside else contextlib.nullcontext():
                await asyncio.sleep(0)
                seen.append(recorded())
            seen.append(recorded())
        return seen

    async def check() -> None:
        results = await asyncio.gather(work(True), work(False), work(True))
        assert results == [[False, True] * 3, [True] * 6, [False, True] * 3]
        with mc.no_grad():
            started = asyncio.create_task(work(False))
            assert not await asyncio.to_thread(recorded)
        assert await started == [False] * 6
        assert recorded()

    asyncio.run(check())
    context = contextvars.copy_context()
    mode = mc.no_grad()
    context.run(mode.__enter__)
    assert recorded()
    assert not context.run(recorded)


@pytest.mark.parametrize("mode", [mc.no_grad, mc.detect_anomaly])
def test_generators_that_leave_their_blocks_in_the_other_order(mode: Any) -> None:
    def paused() -> Iterator[None]:
        with mode():
            yield

    first, second = paused(), paused()
    next(first), next(second)
    first.close()
    assert len(mode._blocks.get()) == 1  # the second one is still inside
    second.close()
    assert mode._blocks.get() == ()


def here() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_anomaly_in_forward_names_the_op_and_the_line(value: float) -> None:
    x = mc.tensor([1.0, value], requires_grad=True)
    with np.errstate(all="ignore"), mc.detect_anomaly():
        line = here() + 2
        with pytest.raises(FloatingPointError) as error:
            x.log()
    kind = "nan" if value < 0 else "-inf"
    message = rf"Log made the first {kind} at index \(1,\) of shape \(2,\) \("
    assert re.match(message, str(error.value))
    assert f"{__file__}:{line}" in str(error.value)


def test_anomaly_in_backward_names_the_op_and_the_line_of_forward() -> None:
    x = mc.tensor([4.0, 0.0], requires_grad=True)
    with np.errstate(all="ignore"), mc.detect_anomaly():
        line = here() + 1
        y = x.sqrt().sum()
        with pytest.raises(FloatingPointError) as error:
            y.backward()
    message = r"Sqrt.backward made the first inf at index \(1,\) of shape \(2,\) in .* input 0 \("
    assert re.match(message, str(error.value))
    assert f"{__file__}:{line}" in str(error.value)


def test_anomaly_in_backward_of_a_graph_recorded_before() -> None:
    y = mc.tensor([0.0], requires_grad=True).sqrt()
    with (
        np.errstate(all="ignore"),
        mc.detect_anomaly(),
        pytest.raises(FloatingPointError, match="outside detect_anomaly"),
    ):
        y.backward()


def test_anomaly_in_what_was_given() -> None:
    bad = mc.tensor([1.0, np.nan])
    with (
        mc.detect_anomaly(),
        pytest.raises(
            FloatingPointError,
            match=r"Mul was given nan at index \(1,\) of shape \(2,\) as input 0",
        ),
    ):
        bad * 2


def test_anomaly_of_scalars_and_of_functions_of_users() -> None:
    class Blow(Function):
        def forward(self, x: np.ndarray) -> np.ndarray:
            return x * np.inf

    with mc.detect_anomaly(), pytest.raises(FloatingPointError, match="Blow made the first inf"):
        Blow.apply(mc.tensor(1.0))


def test_finite_numbers_pass_and_outside_nothing_is_checked() -> None:
    x = mc.tensor([1.0], requires_grad=True)
    with mc.detect_anomaly():
        (x * 2 + mc.tensor([3])).sum().backward()
    with np.errstate(all="ignore"):
        assert np.isnan(mc.tensor([-1.0]).log().item())


def test_a_clean_walk_of_a_tensor_of_the_wrong_sign_of_zero() -> None:
    x = mc.tensor([-0.0], requires_grad=True)
    with mc.detect_anomaly():
        mc.ops.relu(x).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 0


@pytest.mark.parametrize("mode", [mc.no_grad, mc.detect_anomaly])
def test_modes_that_are_written_wrongly(mode: Any) -> None:
    name = mode.__name__
    with pytest.raises(TypeError, match=rf"{name}: takes nothing; write @{name}\(\) with parenth"):

        @mode
        def predict() -> None: ...

    with pytest.raises(TypeError, match=f"{name}: wait is a generator or asynchronous"):

        @mode()
        async def wait() -> None: ...
