"""Flat memory over a long mixture of operations: 10 thousand, and a million when it is deep.

Judged by what the collector knows and by the resident size, over the second half of the run.
"""

import asyncio
import gc
import os
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import scopeflow
from scopeflow import (
    GuardrailRejected,
    LLMRequest,
    ScopeType,
    guardrails,
    llm,
    scope,
    subscribers,
    tools,
)

IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
OPERATIONS = 1_000_000 if IS_DEEP else 10_000
# Caches that fill up once, and the allocator's arenas, are no leak; something lost with every
# fiftieth operation would be more than this in either run.
OBJECT_SLACK = 60
RESIDENT_SLACK_BYTES = 4 << 20


def resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def object_count() -> int:
    gc.collect()
    return len(gc.get_objects())


async def shout(text: str) -> str:
    scope.event("shouting", data={"text": text})
    return text.upper()


async def fail(text: str) -> str:
    raise LookupError(text)


async def words(request: LLMRequest) -> AsyncIterator[str]:
    for word in request.content["prompt"].split():
        yield word


async def call() -> None:
    assert await tools.execute("shout", "tea", shout) == "TEA"


async def call_that_fails() -> None:
    with pytest.raises(LookupError):
        await tools.execute("fail", "tea", fail)


async def call_that_is_refused() -> None:
    with guardrails.tool_conditional_execution("never", 1, lambda name, args: "no"):
        with pytest.raises(GuardrailRejected):
            await tools.execute("shout", "tea", shout)


async def calls_at_once() -> None:
    async def inside(number: int) -> None:
        with scope.scope(f"branch {number}", ScopeType.Agent, input={"n": number}):
            await call()

    await asyncio.gather(*(inside(number) for number in range(3)))


async def stream() -> None:
    taken: list[str] = []
    request = LLMRequest({}, {"prompt": "leaves and water"})
    chunks = await llm.stream_execute(
        "words", request, words, collector=taken.append, finalizer=lambda: " ".join(taken)
    )
    async for word in chunks:
        if word == "and":
            break
    await chunks.aclose()


async def sanitized_call() -> None:
    with guardrails.tool_sanitize_request("hide", 1, lambda name, args: "(hidden)"):
        await call()


async def forgotten_scope() -> None:
    scope.push("forgotten", ScopeType.Function)


MIXTURE: list[Callable[[], object]] = [
    call,
    call_that_fails,
    call_that_is_refused,
    calls_at_once,
    stream,
    sanitized_call,
    forgotten_scope,
]


async def run_part(draw: random.Random, count: int) -> None:
    for _ in range(count):
        await asyncio.create_task(draw.choice(MIXTURE)())


def test_memory_is_flat_over_a_long_mixture() -> None:
    draw = random.Random(1)
    seen = 0

    def see(event: scopeflow.Event) -> None:
        nonlocal seen
        seen += event.data is not None

    with subscribers.subscriber("see", see):
        asyncio.run(run_part(draw, OPERATIONS // 2))
        objects, resident = object_count(), resident_bytes()
        asyncio.run(run_part(draw, OPERATIONS // 2))
        assert object_count() <= objects + OBJECT_SLACK
        assert resident_bytes() <= resident + RESIDENT_SLACK_BYTES
        gc.collect()
        subscribers.flush()  # What was forgotten ends here, and not in the next test.
    assert seen > OPERATIONS
