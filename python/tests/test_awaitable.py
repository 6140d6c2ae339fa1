"""The awaitable of a call behaves as a coroutine: protocol, cancellation, and never two ends."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import gc
import inspect
import sys
import types
import warnings

import pytest

import scopeflow
from scopeflow import ScopeType


class Step:
    """Suspends once, giving `value` to whoever drives, and returns what it is sent."""

    def __init__(self, value=None):
        self.value = value

    def __await__(self):
        return (yield self.value)


@types.coroutine
def generator_coroutine(value):
    return (yield value)


async def two_steps(args):
    first = await Step("one")
    second = await Step("two")
    return [args, first, second]


def drive(awaitable):
    """Runs to the end; gives back what was yielded and the result."""
    yielded = []
    while True:
        try:
            yielded.append(awaitable.send(None))
        except StopIteration as stop:
            return yielded, stop.value


# --- Protocol ---


def test_it_is_a_coroutine_in_all_but_its_type(runtime):
    call = runtime.tool_execute("tool", 1, two_steps)
    assert isinstance(call, collections.abc.Coroutine)
    assert isinstance(call, collections.abc.Awaitable)
    assert asyncio.iscoroutine(call) and inspect.isawaitable(call)
    assert (call.__name__, call.__qualname__) == ("execute", "tools.execute")
    assert (call.cr_frame, call.cr_code, call.cr_origin, call.cr_await) == (None,) * 4
    assert "tools.execute" in repr(call)
    call.close()


def test_values_travel_both_ways(runtime):
    call = runtime.tool_execute("tool", 1, two_steps)
    assert call.send(None) == "one"
    assert call.cr_suspended and not call.cr_running
    assert call.cr_await is not None
    assert call.send("a") == "two"
    with pytest.raises(StopIteration) as stop:
        call.send("b")
    assert stop.value.value == [1, "a", "b"]
    assert not call.cr_suspended and call.cr_await is None


def test_generator_based_coroutines_are_awaited(runtime):
    call = runtime.tool_execute("tool", "v", generator_coroutine)
    assert call.send(None) == "v"
    with pytest.raises(StopIteration) as stop:
        call.send("sent")
    assert stop.value.value == "sent"


def test_a_plain_generator_is_a_result_like_any_other(runtime):
    generator = (i for i in range(3))
    assert runtime.tool_execute_sync("tool", 1, lambda args: generator) is generator


@pytest.mark.parametrize("result", [None, (1, 2), StopIteration(5), ValueError("v")])
def test_await_gives_the_very_result(runtime, result):
    async def main():
        return await runtime.tool_execute("tool", 1, lambda args: result)

    assert drive(main()) == ([], result)
    assert asyncio.run(main()) is result


def test_await_under_tracing(runtime):
    """A trace function makes the interpreter take the iterator's way on 3.11."""

    async def main():
        return await runtime.tool_execute("tool", 1, two_steps)

    lines = []
    measuring = sys.gettrace()
    sys.settrace(lambda frame, event, argument: lines.append(event))
    try:
        outcome = drive(main())
    finally:
        sys.settrace(measuring)
    assert outcome == (["one", "two"], [1, None, None])
    assert lines


STEPS = {
    "send": lambda call: call.send(None),
    "next": lambda call: next(call.__await__()),
    "throw": lambda call: (call.send(None), call.throw(KeyError)),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_iteration_is_no_result(runtime, log, step):
    """PEP 479: a callback that raises it has failed, however the call is driven."""

    def stop(args):
        raise error

    async def guard(name, args):
        if step == "throw":
            with contextlib.suppress(KeyError):
                await two_steps(args)

    error = StopIteration("no result")
    runtime.register_tool_conditional_execution_guardrail("g", 1, guard)
    call = runtime.tool_execute("tool", 1, stop)
    with pytest.raises(RuntimeError, match="coroutine raised StopIteration") as caught:
        STEPS[step](call)
    assert caught.value.__cause__ is caught.value.__context__ is error
    assert log.end("tool").metadata["exception.type"] == "StopIteration"


def test_nothing_happens_before_it_is_awaited(runtime, log):
    call = runtime.tool_execute("tool", 1, pytest.fail)
    assert log.events == []
    call.close()
    assert log.events == []


def test_it_is_awaited_once(runtime):
    call = runtime.tool_execute("tool", 1, lambda args: args)
    drive(call)
    for again in (lambda: call.send(None), lambda: call.throw(ValueError())):
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            again()
    call.close()


def test_it_begins_with_none(runtime):
    call = runtime.tool_execute("tool", 1, lambda args: args)
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        call.send(1)
    assert drive(call) == ([], 1)


def test_it_cannot_drive_itself(runtime):
    def tool(args):
        with pytest.raises(ValueError, match="coroutine already executing"):
            call.send(None)
        with pytest.raises(ValueError, match="coroutine already executing"):
            call.close()
        assert call.cr_running
        return "ran"

    call = runtime.tool_execute("tool", 1, tool)
    assert drive(call) == ([], "ran")


def test_it_cannot_drive_itself_after_it_waited_either(runtime):
    async def tool(args):
        await Step()
        assert call.cr_running and not call.cr_suspended
        with pytest.raises(ValueError, match="coroutine already executing"):
            call.send(None)
        return "ran"

    call = runtime.tool_execute("tool", 1, tool)
    call.send(None)
    with pytest.raises(StopIteration) as stop:
        call.send(None)
    assert stop.value.value == "ran"


def test_two_cannot_await_it(runtime):
    call = runtime.tool_execute("tool", 1, two_steps)
    call.send(None)

    async def second():
        await call

    with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
        drive(second())
    call.close()


def test_one_that_was_never_awaited_warns(runtime, log):
    with pytest.warns(RuntimeWarning, match=r"coroutine 'tools.execute' was never awaited"):
        runtime.tool_execute("tool", 1, print)
        gc.collect()
    assert log.events == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runtime.tool_execute("tool", 1, print).close()
        drive(runtime.tool_execute("tool", 1, str))
        runtime.tool_execute_sync("tool", 1, str)
        gc.collect()


@pytest.mark.parametrize("run", ["run", "task", "gather", "wait_for", "shield"])
def test_asyncio_takes_it_for_a_coroutine(runtime, run):
    async def tool(args):
        await asyncio.sleep(0)
        return args

    def call():
        return runtime.tool_execute("tool", 7, tool)

    async def main():
        if run == "task":
            task = asyncio.create_task(call())
            assert "tools.execute" in repr(task)
            return await task
        if run == "gather":
            return (await asyncio.gather(call(), call()))[1]
        if run == "wait_for":
            return await asyncio.wait_for(call(), 10)
        return await asyncio.shield(call())

    assert asyncio.run(call() if run == "run" else main()) == 7


# --- Cancellation at every await ---


async def suspending_guard(name, args):
    await Step("guard")


def suspended_at(runtime, place):
    """A call that has been driven to its n-th suspension: two in a guard, two in the target."""
    call = runtime.tool_execute("tool", 1, two_steps)
    for _ in range(place + 1):
        call.send(None)
    return call


@pytest.fixture
def guarded(runtime):
    for name in ("g1", "g2"):
        runtime.register_tool_conditional_execution_guardrail(name, 1, suspending_guard)
    return runtime


STORIES = {0: [], 1: [], 2: ["start tool", "end tool"], 3: ["start tool", "end tool"]}


@pytest.mark.parametrize("place", STORIES)
@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, GeneratorExit])
def test_cancellation_comes_out_wherever_the_call_waits(guarded, log, place, kind):
    call = suspended_at(guarded, place)
    error = kind("stop")
    with pytest.raises(kind) as caught:
        call.throw(error)
    assert caught.value is error
    assert log.story() == STORIES[place]
    for event in log.events[1:]:
        assert event.metadata["error.type"] == "cancelled"
    assert guarded.get_handle().name == "root"
    call.close()
    assert log.story() == STORIES[place], "there is one end (S4.3)"


@pytest.mark.parametrize("place", STORIES)
def test_an_ordinary_error_thrown_in_fails_the_call(guarded, log, place):
    call = suspended_at(guarded, place)
    error = LookupError("thrown")
    with pytest.raises(LookupError) as caught:
        call.throw(error)
    assert caught.value is error
    assert [e for e in log.story() if "mark" not in e] == STORIES[place]
    assert guarded.get_handle().name == "root"


@pytest.mark.parametrize("place", STORIES)
def test_close_ends_the_call_as_cancelled(guarded, log, place):
    suspended_at(guarded, place).close()
    assert log.story() == STORIES[place]
    for event in log.events[1:]:
        assert event.metadata["error.type"] == "cancelled"
        assert event.metadata["exception.type"] == "GeneratorExit"


@pytest.mark.parametrize("place", STORIES)
def test_a_call_that_is_dropped_is_abandoned(guarded, log, place):
    call = suspended_at(guarded, place)
    del call
    gc.collect()
    assert "end tool" not in log.story(), "a finaliser runs no host code (S1.12)"
    guarded.runtime_flush()
    assert log.story() == STORIES[place]
    for event in log.events[1:]:
        assert event.metadata["error.type"] == "abandoned"


@pytest.mark.parametrize("place", STORIES)
def test_a_cancelled_task(guarded, log, place):
    async def main():
        async def guard(name, args):
            await asyncio.sleep(0)

        async def tool(args):
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        for name in ("g1", "g2"):
            guarded.deregister_tool_conditional_execution_guardrail(name)
            guarded.register_tool_conditional_execution_guardrail(name, 1, guard)
        task = asyncio.create_task(guarded.tool_execute("tool", 1, tool))
        for _ in range(place + 1):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log.story() == STORIES[place]


def test_a_target_may_swallow_cancellation_and_go_on(runtime, log):
    async def stubborn(args):
        try:
            await Step()
        except asyncio.CancelledError:
            await Step("still here")
        return "done"

    call = runtime.tool_execute("tool", 1, stubborn)
    call.send(None)
    assert call.throw(asyncio.CancelledError()) == "still here"
    with pytest.raises(StopIteration) as stop:
        call.send(None)
    assert stop.value.value == "done"
    assert log.end("tool").metadata["otel.status_code"] == "OK"


def test_a_target_that_ignores_close_fails(runtime, log):
    async def stubborn(args):
        try:
            await Step()
        except GeneratorExit:
            await Step()

    call = runtime.tool_execute("tool", 1, stubborn)
    call.send(None)
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        call.close()
    assert log.story() == ["start tool", "end tool"]


def test_a_target_may_answer_a_thrown_exception_with_another(runtime):
    async def translating(args):
        try:
            await Step()
        except ValueError as error:
            raise KeyError("translated") from error

    call = runtime.tool_execute("tool", 1, translating)
    call.send(None)
    with pytest.raises(KeyError) as caught:
        call.throw(ValueError, "text", None)
    assert caught.value.__cause__.args == ("text",)


def test_throw_before_the_start_runs_nothing(runtime, log):
    call = runtime.tool_execute("tool", 1, pytest.fail)
    with pytest.raises(ValueError):
        call.throw(ValueError)
    call = runtime.tool_execute("tool", 1, pytest.fail)
    with pytest.raises(TypeError):
        call.throw("no exception")
    call.close()
    assert log.events == []


def test_timeouts_end_the_call(runtime, log):
    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(
                runtime.tool_execute("slow", 1, lambda args: asyncio.sleep(60)), 0.001
            )

    asyncio.run(main())
    assert log.end("slow").metadata["error.type"] == "cancelled"


def test_two_calls_stepped_by_turns_in_one_context(runtime):
    """They end in another order than they began: current is the nearest open scope (S1.5)."""
    outer = runtime.scope_push("outer", ScopeType.Agent)
    first = runtime.tool_execute("first", 1, two_steps)
    second = runtime.tool_execute("second", 2, two_steps)
    first.send(None)
    second.send(None)
    drive(first)
    assert runtime.get_handle().name == "second"
    drive(second)
    assert runtime.get_handle() is outer
    outer.close()


def test_a_call_may_be_resumed_by_another_thread(runtime, log):
    import threading

    call = runtime.tool_execute("tool", 1, two_steps)
    call.send(None)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(drive(call)))
    thread.start()
    thread.join()
    assert outcomes == [(["two"], [1, None, None])]
    assert log.story() == ["start tool", "end tool"]


def test_an_await_that_fails_to_begin_fails_the_call(runtime, log):
    class Broken:
        def __await__(self):
            return 5

    call = runtime.tool_execute("tool", 1, lambda args: Broken())
    with pytest.raises(TypeError, match="__await__"):
        call.send(None)
    assert log.end("tool").metadata["exception.type"] == "TypeError"
    with pytest.raises(scopeflow.InvalidUtf8):
        runtime.tool_execute("\ud800", 1, print).send(None)
