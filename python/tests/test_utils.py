"""Coroutines from sync code, with and without a running loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

import scopeflow
from scopeflow import ScopeType
from scopeflow.utils import run_sync

VARIABLE = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=["plain", "inside a loop"])
def run(request):
    def call(coro):
        if request.param == "plain":
            return run_sync(coro)

        async def main():
            return run_sync(coro)

        return asyncio.run(main())

    return call


def test_results_errors_and_context_pass(run):
    async def work():
        await asyncio.sleep(0)
        return VARIABLE.get(), scopeflow.get_handle().uuid

    async def failing():
        raise error

    error = LookupError("mine")
    token = VARIABLE.set("set")
    with scopeflow.scope.scope("outer", ScopeType.Function) as outer:
        assert run(work()) == ("set", outer.uuid)
    VARIABLE.reset(token)
    with pytest.raises(LookupError) as caught:
        run(failing())
    assert caught.value is error


def test_a_managed_call_is_a_coroutine_too(run):
    assert run(scopeflow.tools.execute("t", {}, lambda args: 7)) == 7


def test_it_leaves_no_thread(run):
    async def nothing():
        pass

    before = threading.active_count()
    run(nothing())
    assert threading.active_count() == before


@pytest.mark.parametrize("wrong", [None, 7, print, object()])
def test_what_is_no_coroutine(wrong):
    with pytest.raises(TypeError, match="coro must be a coroutine, not"):
        run_sync(wrong)


def test_an_interrupt_cancels_it(monkeypatch):
    """One that comes while the loop of this thread waits for the other one."""

    async def work():
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main():
        run_sync(work())

    def interrupted_join(thread, timeout=None):
        started.wait()
        monkeypatch.undo()
        raise KeyboardInterrupt

    started, cancelled = threading.Event(), []
    monkeypatch.setattr(threading.Thread, "join", interrupted_join)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert cancelled == [True]
