"""Ten thousand of each kind of call leave nothing behind: no object, no reference, no memory."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
from pathlib import Path

import pytest

import scopeflow
from scopeflow import (
    GuardrailRejected,
    InterceptOutcome,
    LLMRequest,
    LLMRequestInterceptOutcome,
    PendingMarkSpec,
)

COUNT = 10_000
# Of blocks that Python allocates; a leak of one object a call would be twenty times as much.
BLOCKS = COUNT // 20
BYTES = 1_000_000


class Codec:
    def decode(self, request):
        return {"decoded": True}

    def encode(self, annotated, request):
        return LLMRequest(request.headers, {**request.content, **annotated})

    def decode_response(self, response):
        return {"response": True}


CODEC = Codec()
ARGS = {"query": ["x"]}
REQUEST = LLMRequest({"authorization": "secret", "accept": "*"}, {"messages": [{"a": 1}]})


def passes(*arguments):
    return None


def copies(*arguments):
    return dict(arguments[-1]) if isinstance(arguments[-1], dict) else arguments[-1]


async def around(name, request, next, *, context):
    first = await next(request)
    await next({**request, "again": True} if isinstance(request, dict) else request)
    return InterceptOutcome(first, [PendingMarkSpec("done", data=[first])])


def intercept_llm(name, request, annotated):
    return LLMRequestInterceptOutcome(request, annotated, [PendingMarkSpec("m", data=request)])


async def answer(request):
    return {"answer": [1]}


async def refuses(name, request):
    return "no"


async def fails(request):
    raise ValueError("no")


async def chunks(request):
    yield {"chunk": 1}
    yield {"chunk": 2}


def plain_chunks(request):
    yield {"chunk": 1}
    yield {"chunk": 2}


def register_all(runtime, observed):
    runtime.register_tool_conditional_execution_guardrail("g", 1, passes)
    runtime.register_llm_conditional_execution_guardrail("g", 1, passes)
    runtime.register_tool_request_intercept("r", 1, False, copies)
    runtime.register_llm_request_intercept("r", 1, False, intercept_llm)
    for side in ("request", "response"):
        getattr(runtime, f"register_tool_sanitize_{side}_guardrail")("s", 1, copies)
        getattr(runtime, f"register_llm_sanitize_{side}_guardrail")("s", 1, copies)
    runtime.register_mark_sanitize_guardrail("m", 1, copies)
    runtime.register_scope_sanitize_start_guardrail("m", 1, copies)
    runtime.register_scope_sanitize_end_guardrail("m", 1, copies)
    runtime.register_event_metadata_injector("i", 1, lambda event: {"injected": event.name})
    if observed:
        runtime.register_subscriber("log", lambda event: event.data)


async def tool(runtime):
    await runtime.tool_execute("t", ARGS, answer, metadata={"a": 1}, tool_call_id="1")


async def tool_around(runtime):
    await runtime.tool_execute("t", ARGS, answer)


async def tool_sync(runtime):
    runtime.tool_execute_sync("t", ARGS, str)


async def tool_fails(runtime):
    with pytest.raises(ValueError):
        await runtime.tool_execute("t", ARGS, fails)


async def tool_refused(runtime):
    with pytest.raises(GuardrailRejected):
        await runtime.tool_execute("t", ARGS, answer)


async def tool_dropped(runtime):
    call = runtime.tool_execute("t", ARGS, lambda args: asyncio.sleep(0))
    call.send(None)


async def tool_by_hand(runtime):
    runtime.tool_call_end(runtime.tool_call("t", ARGS, metadata={"a": 1}), {"b": 2})


async def helpers(runtime):
    await runtime.tool_request_intercepts("t", ARGS)
    await runtime.tool_conditional_execution("t", ARGS)
    await runtime.llm_request_intercepts("t", REQUEST)
    await runtime.llm_conditional_execution(REQUEST)


async def llm(runtime):
    await runtime.llm_execute("l", REQUEST, answer, codec=CODEC, response_codec=CODEC)


async def llm_by_hand(runtime):
    call = runtime.llm_call("l", REQUEST, annotated_request={"a": 1}, codec=CODEC)
    runtime.llm_call_end(call, {"b": 2}, annotated_response={"c": 3}, error=ValueError("x"))


async def stream(runtime):
    opened = await runtime.llm_stream_execute(
        "l", REQUEST, chunks, passes, dict, response_codec=CODEC, chunk_marks=True
    )
    async for _ in opened:
        pass


async def stream_closed(runtime):
    async with await runtime.llm_stream_execute("l", REQUEST, chunks) as opened:
        await anext(opened)


async def stream_dropped(runtime):
    opened = runtime.llm_stream_execute_sync("l", REQUEST, plain_chunks)
    next(opened)


async def stream_collector_fails(runtime):
    def collector(chunk):
        raise LookupError

    opened = await runtime.llm_stream_execute("l", REQUEST, chunks, collector)
    with pytest.raises(LookupError):
        await anext(opened)


async def mark(runtime):
    runtime.scope_event("mark", data={"a": 1}, metadata={"b": 2}, category_profile={"c": 3})


KINDS = (
    tool,
    tool_around,
    tool_sync,
    tool_fails,
    tool_refused,
    tool_dropped,
    tool_by_hand,
    helpers,
    llm,
    llm_by_hand,
    stream,
    stream_closed,
    stream_dropped,
    stream_collector_fails,
    mark,
)


def measure(runtime):
    runtime.runtime_flush()
    gc.collect()
    shared = (ARGS, REQUEST, CODEC, answer, chunks, passes, copies, None)
    return sys.getallocatedblocks(), [sys.getrefcount(thing) for thing in shared], resident_bytes()


def resident_bytes():
    """Of the process, what the core has taken included; only where the system tells."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else 0


@pytest.mark.parametrize("observed", [False, True], ids=["unheard", "heard"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_nothing_is_left_behind(kind, observed):
    runtime = scopeflow.Runtime()
    register_all(runtime, observed)
    if kind is tool_around:
        runtime.register_tool_execution_intercept("e", 1, around)
    if kind is tool_refused:
        runtime.register_tool_conditional_execution_guardrail("no", 2, refuses)

    async def main():
        for _ in range(COUNT // 10):  # Caches and free lists fill up.
            await kind(runtime)
        blocks, references, size = measure(runtime)
        for _ in range(COUNT):
            await kind(runtime)
        blocks_after, references_after, size_after = measure(runtime)
        assert blocks_after - blocks < BLOCKS
        assert max(b - a for a, b in zip(references, references_after, strict=True)) < BLOCKS
        assert size_after - size < BYTES

    asyncio.run(main())
