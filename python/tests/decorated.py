"""What the tests of decorators share."""

from __future__ import annotations

import asyncio

import scopeflow

KINDS = {"tool": scopeflow.tool, "agent": scopeflow.agent, "llm": scopeflow.llm}
PASSED_ON = [ValueError("no"), KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError("c")]


def error_type(log, name):
    return log.end(name).metadata.get("error.type")


def arguments(log, name):
    """What observers see of a call's arguments, whatever the kind."""
    data = log.start(name).data
    return data["content"] if isinstance(data, dict) and "content" in data else data


async def drain(generator):
    return [value async for value in generator]


def drive(coroutine):
    """Without a loop, which would take a KeyboardInterrupt for its own."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")
