"""Coroutines from sync code, with and without a running loop."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
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


INTERRUPTED = """
import asyncio, os, signal, threading, time
from scopeflow.utils import run_sync

async def work():
    started.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise

async def main():
    run_sync(work())

def interrupt():  # Where the first one only asks asyncio's main task to end, once more.
    started.wait()
    while not interrupted.is_set():
        os.kill(os.getpid(), signal.SIGINT)
        interrupted.wait(2)

started, interrupted = threading.Event(), threading.Event()
threading.Thread(target=interrupt).start()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    interrupted.set()
    print("interrupted", flush=True)
"""


def test_an_interrupt_cancels_it():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False
    )
    assert set(done.stdout.split()) == {"cancelled", "interrupted"}, done.stderr
