"""Event loops other than asyncio's own, task groups, executors, nested loops, greenlets (S1.9)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import subprocess
import sys

import pytest

import scopeflow
from scopeflow import LLMRequest, ScopeType, llm, scope, subscribers, tools

FUNCTION = ScopeType.Function
REQUEST = LLMRequest({}, {})


@pytest.fixture
def log():
    events = []
    with subscribers.subscriber("log", events.append):
        yield events


def check(log, outer):
    """Each start has one end, and what was opened side by side stands side by side."""
    starts = [e.uuid for e in log if e.scope_category == "start"]
    ends = [e.uuid for e in log if e.scope_category == "end"]
    assert sorted(starts) == sorted(ends) and len(set(starts)) == len(starts)
    side_by_side = [e for e in log if e.scope_category == "start" and e.name.startswith("side")]
    assert len(side_by_side) == 5
    assert {e.parent_uuid for e in side_by_side} == {outer.uuid}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(log, backend):
    anyio = pytest.importorskip("anyio", reason="tasks of both loops need anyio")
    pytest.importorskip(backend, reason="its loop needs trio")

    async def tool(args):
        await anyio.sleep(0.001)
        assert scope.get_handle().name == "t"
        return args

    async def side(number):
        with scope.scope(f"side {number}", FUNCTION) as handle:
            assert await tools.execute("t", {"n": number}, tool) == {"n": number}
            assert scope.get_handle() is handle

    async def produce(request):
        for number in range(3):
            await anyio.sleep(0)
            yield number

    async def main():
        with scope.scope("outer", FUNCTION) as outer:
            async with anyio.create_task_group() as group:
                for number in range(5):
                    group.start_soon(side, number)
            stream = await llm.stream_execute("m", REQUEST, produce)
            assert [chunk async for chunk in stream] == [0, 1, 2]
            with anyio.move_on_after(0.01) as timer:
                await tools.execute("slow", {}, sleep_long)
            assert timer.cancelled_caught
            assert scope.get_handle() is outer
        await subscribers.flush_async()
        return outer

    async def sleep_long(args):
        await anyio.sleep(60)

    outer = anyio.run(main, backend=backend)
    check(log, outer)
    (slow,) = (e for e in log if e.name == "slow" and e.scope_category == "end")
    assert slow.metadata["error.type"] == "cancelled"


async def sides(spawn):
    """Five tasks, each with a scope and a call, as `spawn` runs them."""

    async def tool(args):
        await asyncio.sleep(0)
        return args

    async def side(number):
        with scope.scope(f"side {number}", FUNCTION):
            await tools.execute("t", number, tool)

    with scope.scope("outer", FUNCTION) as outer:
        await spawn([side(number) for number in range(5)])
    return outer


async def gather(coroutines):
    await asyncio.gather(*coroutines)


async def task_group(coroutines):
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)


async def eagerly(coroutines):
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await gather(coroutines)


SPAWNS = [gather]
SPAWNS += [task_group] if hasattr(asyncio, "TaskGroup") else []  # Python 3.11
SPAWNS += [eagerly] if hasattr(asyncio, "eager_task_factory") else []  # Python 3.12


@pytest.mark.parametrize("spawn", SPAWNS)
def test_asyncio(log, spawn):
    check(log, asyncio.run(sides(spawn)))


def test_uvloop(log):
    uvloop = pytest.importorskip("uvloop", reason="its loop needs uvloop")
    check(log, uvloop.run(sides(gather)))


def test_executors(log):
    def work(number):
        with scope.scope(f"side {number}", FUNCTION):
            tools.execute_sync("t", number, str)

    async def main():
        with scope.scope("outer", FUNCTION) as outer:
            await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(5)))
        return outer

    check(log, asyncio.run(main()))


def test_an_executor_goes_on_under_what_it_is_given(log):
    def work(stack, number):
        with scopeflow.use_scope_stack(stack), scope.scope(f"side {number}", FUNCTION):
            tools.execute_sync("t", number, str)

    with scope.scope("outer", FUNCTION) as outer:
        stack = scopeflow.propagate_scope_to_thread()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(work, stack, number) for number in range(5)]:
                done.result()
    check(log, outer)


def test_a_loop_inside_a_loop(log):
    """A sync tool that runs a loop of its own in another thread, inside an async call."""

    async def inner(args):
        await asyncio.sleep(0)
        return args

    def tool(args):
        return scopeflow.utils.run_sync(tools.execute("inner", args, inner))

    async def main():
        return await tools.execute("outer", 7, tool)

    assert asyncio.run(main()) == 7
    names = {e.name: e for e in log if e.scope_category == "start"}
    assert names["inner"].parent_uuid == names["outer"].uuid


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import contextvars
import gevent
from scopeflow import (
    LLMRequest, ScopeType, get_handle, llm, propagate_scope_to_thread, scope, subscribers, tools,
    use_scope_stack,
)

def run(function, arguments):
    tasks = [gevent.spawn(function, *given) for given in arguments]
    gevent.joinall(tasks, raise_error=True)
    return [task.value for task in tasks]
"""
SIDE_BY_SIDE = """
def tool(args):
    gevent.sleep(0.001)
    return args

def produce(request):
    for _ in range(3):
        gevent.sleep(0.001)
        yield get_handle().name

def side(stack, number):
    with use_scope_stack(stack), scope.scope(f"side {number}", ScopeType.Function) as handle:
        gevent.sleep(0.001)
        assert get_handle() is handle
        assert tools.execute_sync("t", number, tool) == number
        assert list(llm.stream_execute_sync("m", LLMRequest({}, {}), produce)) == ["m"] * 3
        assert get_handle() is handle

events = []
subscribers.register("log", events.append)
with scope.scope("outer", ScopeType.Agent) as outer:
    stack = propagate_scope_to_thread()
    run(side, [(stack, number) for number in range(20)])
    assert get_handle() is outer
starts = [e for e in events if e.scope_category == "start" and e.name.startswith("side")]
assert len(starts) == 20 and {e.parent_uuid for e in starts} == {outer.uuid}
assert len(events) == 2 * (1 + 20 + 20 + 20)
"""
BEGINNINGS = """
def name():
    return get_handle().name

with scope.scope("outer", ScopeType.Agent):
    assert run(name, [()]) == ["root"]
    assert run(contextvars.copy_context().run, [(name,)]) == ["outer"]
"""
WAITING_SUBSCRIBER = """
running = most = 0
names = []

def slow(event):
    global running, most
    running += 1
    most = max(most, running)
    gevent.sleep(0.001)
    names.append(event.name)
    running -= 1

subscribers.register("slow", slow)
run(scope.event, [(f"mark {number}",) for number in range(20)])
assert names == [f"mark {number}" for number in range(20)] and most == 1
"""


@pytest.mark.parametrize("is_patched", [True, False], ids=["patched", "plain"])
@pytest.mark.parametrize(
    "program",
    [SIDE_BY_SIDE, BEGINNINGS, WAITING_SUBSCRIBER],
    ids=["side_by_side", "beginnings", "waiting_subscriber"],
)
def test_greenlets(program, is_patched):
    """Each has a context of its own, which begins with nothing, as that of a thread does. They
    share a thread, and so the order in which it delivers."""
    pytest.importorskip("gevent", reason="its greenlets need gevent")
    whole = f"{GREENLETS}{program}"
    if not is_patched:
        whole = whole.replace("monkey.patch_all()", "")
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
