"""What `compare.py` lets race: the same rows of work, each in the words of one library."""

from __future__ import annotations

import asyncio
import contextvars
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import request

import scopeflow
import scopeflow.codecs

try:
    import nemo_relay
    import nemo_relay.codecs
    import nemo_relay.guardrails
    import nemo_relay.intercepts
    import nemo_relay.llm
    import nemo_relay.scope
    import nemo_relay.scope_local
    import nemo_relay.subscribers
    import nemo_relay.tools
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
except ImportError as missing:
    sys.exit(f"{missing.name} is missing: pip install nemo-relay==0.10.4 opentelemetry-sdk")

OURS, PEER, SPANS, FLOOR = "scopeflow", "nemo-relay", "opentelemetry-sdk", "floor"
SMALL = {"query": "x", "limit": 3}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": request.PROSE},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1900, "completion_tokens": 50, "total_tokens": 1950},
}
LARGE = {"rows": [{"id": i, "tags": ["a", "b"], "text": "x" * 20} for i in range(1000)]}
DEPTH, OTHERS = 1000, 1000

# How many calls run at the same time.
TASKS = 1000


class Row(NamedTuple):
    """`work` is done where `preparation` stands around it. How many times as fast as nemo-relay it
    has to be, and how many times as long as the floor it may take, where there is a limit."""

    preparation: str
    work: str
    request: Any = SMALL
    least_ratio: float = 1.0
    most_floors: float = float("inf")


ROWS = {
    "scope": Row("nothing", "scopes", least_ratio=15, most_floors=3),
    "scope, depth 1,000": Row("depth", "scopes"),
    "scope, one subscriber": Row("subscriber", "scopes", least_ratio=25),
    "scope, to a file": Row("file", "scopes", least_ratio=15),
    "tool by hand": Row("nothing", "manual", least_ratio=60),
    "tool": Row("nothing", "calls", least_ratio=300, most_floors=12),
    "tool, depth 1,000": Row("depth", "calls"),
    "tool, 2,000 others": Row("others", "calls"),
    "tool, 5,000 nodes": Row("nothing", "calls", LARGE),
    "tool, one subscriber": Row("subscriber", "calls"),
    "tool, one of each of four": Row("one of each", "calls", least_ratio=600),
    "tool, ten of each of four": Row("ten of each", "calls", least_ratio=1000),
    "tool, 1,000 at once": Row("nothing", "gathered", most_floors=1.5),
    "LLM, 8 KB": Row("nothing", "llm", request.request(300), least_ratio=300, most_floors=12),
    "LLM, 8 KB, both codecs": Row("nothing", "coded", request.request(300), least_ratio=20),
    "LLM, 8 KB, both codecs, heard": Row(
        "subscriber", "coded", request.request(300), least_ratio=20
    ),
    "LLM, 8 KB, both codecs, read": Row("reader", "coded", request.request(300)),
    "LLM stream, a chunk": Row("nothing", "stream", most_floors=3),
}


async def search(request: dict[str, Any]) -> dict[str, Any]:
    return request


async def complete(request: Any) -> dict[str, Any]:
    return SMALL


async def answer(request: Any) -> dict[str, Any]:
    return ANSWER


async def chunks(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


def listen(event: object) -> None:
    """A subscriber that is called and looks at nothing."""


def read(event: Any) -> None:
    """A subscriber that looks at what the codecs made."""
    if event.scope_category == "start":
        assert event.annotated_request is not None
    elif event.scope_category == "end":
        assert event.annotated_response is not None


Work = Callable[[int, Any], Any]
Preparation = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Contestant:
    """`works` do an operation `count` times; `preparations` stand around that. `settle` waits until
    what was emitted has reached everybody, which belongs to the work."""

    name: str
    works: dict[str, Work]
    preparations: dict[str, Preparation]
    settle: Callable[[], Any] | None = None

    def has(self, row: str) -> bool:
        return ROWS[row].preparation in self.preparations and ROWS[row].work in self.works

    def prepared(self, row: str) -> AbstractContextManager[Any]:
        return self.preparations[ROWS[row].preparation]()

    async def work(self, row: str, count: int) -> None:
        await self.works[ROWS[row].work](count, ROWS[row].request)
        if self.settle is not None and ROWS[row].preparation in ("subscriber", "reader", "file"):
            await self.settle()


# --- scopeflow and nemo-relay: the same names ---


def works_of(library: ModuleType, result: Callable[[Any], Any]) -> dict[str, Work]:
    """`result` is what a tool makes of its plain result."""

    async def target(request: dict[str, Any]) -> Any:
        return result(request)

    async def scopes(count: int, _: Any) -> None:
        push, pop, kind = library.scope.push, library.scope.pop, library.ScopeType.Function
        for _ in range(count):
            pop(push("plan", kind))

    async def manual(count: int, request: Any) -> None:
        call, end = library.tools.call, library.tools.call_end
        for _ in range(count):
            end(call("search", request), result(request))

    async def calls(count: int, request: Any) -> None:
        execute = library.tools.execute
        for _ in range(count):
            await execute("search", request, target)

    async def gathered(count: int, request: Any) -> None:
        execute = library.tools.execute
        for _ in range(max(1, count // TASKS)):
            await asyncio.gather(*[work(execute, request) for _ in range(min(count, TASKS))])

    async def work(execute: Any, request: Any) -> None:
        await execute("search", request, target)

    async def llm(count: int, request: Any) -> None:
        execute, given = library.llm.execute, library.LLMRequest({}, request)
        for _ in range(count):
            await execute("openai", given, complete)

    async def coded(count: int, request: Any) -> None:
        execute, given = library.llm.execute, library.LLMRequest({}, request)
        codec = library.codecs.OpenAIChatCodec()
        for _ in range(count):
            await execute("openai", given, answer, codec=codec, response_codec=codec)

    async def stream(count: int, _: Any) -> None:
        given = library.LLMRequest({}, SMALL)
        opened = await library.llm.stream_execute(
            "openai", given, lambda _: chunks(count), listen, dict
        )
        async for _ in opened:
            pass

    return {
        "scopes": scopes,
        "manual": manual,
        "calls": calls,
        "gathered": gathered,
        "llm": llm,
        "coded": coded,
        "stream": stream,
    }


@contextmanager
def depth(library: ModuleType) -> Iterator[None]:
    kind = library.ScopeType.Function
    handles = [library.scope.push("outer", kind) for _ in range(DEPTH)]
    yield
    for handle in reversed(handles):
        library.scope.pop(handle)


@contextmanager
def subscriber(library: ModuleType, called: Callable[[Any], None]) -> Iterator[None]:
    library.subscribers.register("listen", called)
    yield
    library.subscribers.deregister("listen")


@contextmanager
def others(library: ModuleType) -> Iterator[None]:
    """Middleware of LLM calls, and guards of a scope that has ended."""
    elsewhere = library.scope.push("elsewhere", library.ScopeType.Function)
    for number in range(OTHERS):
        name = str(number)
        library.intercepts.register_llm_request(name, number, False, lambda *given: given[1])
        library.scope_local.register_tool_conditional_execution(
            elsewhere, name, number, lambda *_: None
        )
    library.scope.pop(elsewhere)
    yield
    for number in range(OTHERS):
        library.intercepts.deregister_llm_request(str(number))


@contextmanager
def file(library: ModuleType) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        config = library.AtofExporterConfig()
        config.output_directory, config.filename = folder, "events.jsonl"
        exporter = library.AtofExporter(config)
        exporter.register("file")
        yield
        exporter.deregister("file")
        exporter.shutdown()


@contextmanager
def of_each(library: ModuleType, around: Callable[..., Any], count: int) -> Iterator[None]:
    """One guard, sanitizer, request intercept and execution intercept, `count` times. `around` is
    the last one, which the two do not write in the same way."""
    names = [str(number) for number in range(count)]
    guardrails, intercepts = library.guardrails, library.intercepts
    for at, name in enumerate(names):
        guardrails.register_tool_conditional_execution(name, at, lambda name, args: None)
        guardrails.register_tool_sanitize_request(name, at, lambda name, args: args)
        intercepts.register_tool_request(name, at, False, lambda name, args: args)
        intercepts.register_tool_execution(name, at, around)
    yield
    for name in names:
        guardrails.deregister_tool_conditional_execution(name)
        guardrails.deregister_tool_sanitize_request(name)
        intercepts.deregister_tool_request(name)
        intercepts.deregister_tool_execution(name)


def preparations_of(library: ModuleType, around: Callable[..., Any]) -> dict[str, Preparation]:
    return {
        "nothing": nullcontext,
        "depth": partial(depth, library),
        "subscriber": partial(subscriber, library, listen),
        "reader": partial(subscriber, library, read),
        "others": partial(others, library),
        "file": partial(file, library),
        "one of each": partial(of_each, library, around, 1),
        "ten of each": partial(of_each, library, around, 10),
    }


async def our_around(name: str, arguments: Any, next: Callable[[Any], Any]) -> Any:
    return await next(arguments)


async def peer_around(context: Any, next: Callable[[Any], Any]) -> object:
    result = await next(context.args)
    return nemo_relay.ToolExecutionInterceptOutcome(result.result)


# --- opentelemetry-sdk ---

silent = TracerProvider().get_tracer("silent")


class Listener(SpanProcessor):
    def on_end(self, span: object) -> None:
        listen(span)


heard_provider = TracerProvider()
heard_provider.add_span_processor(Listener())
heard = heard_provider.get_tracer("heard")
tracer = silent


@contextmanager
def heard_spans() -> Iterator[None]:
    global tracer
    tracer = heard
    yield
    tracer = silent


async def span_scopes(count: int, _: Any) -> None:
    for _ in range(count):
        with tracer.start_as_current_span("plan"):
            pass


async def span_calls(count: int, request: Any) -> None:
    for _ in range(count):
        await span_call(request)


async def span_call(request: Any) -> None:
    with tracer.start_as_current_span("search") as span:
        if tracer is heard:
            span.set_attribute("gen_ai.tool.call.arguments", json.dumps(request))
        await search(request)


async def span_by_hand(count: int, _: Any) -> None:
    for _ in range(count):
        tracer.start_span("search").end()


async def span_gathered(count: int, request: Any) -> None:
    for _ in range(max(1, count // TASKS)):
        await asyncio.gather(*[span_call(request) for _ in range(min(count, TASKS))])


async def span_chunks(count: int) -> AsyncIterator[int]:
    """What instrumentations of providers put around a stream, which shows each chunk."""
    with tracer.start_as_current_span("openai"):
        async for chunk in chunks(count):
            listen(chunk)
            yield chunk


async def span_stream(count: int, _: Any) -> None:
    async for _ in span_chunks(count):
        pass


@contextmanager
def deep_spans() -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(DEPTH):
            stack.enter_context(tracer.start_as_current_span("outer"))
        yield


# --- The floor ---

variable: contextvars.ContextVar[object] = contextvars.ContextVar("floor")


async def floor_scopes(count: int, _: Any) -> None:
    for _ in range(count):
        variable.reset(variable.set(None))


async def floor_calls(count: int, request: Any) -> None:
    for _ in range(count):
        await search(request)


async def floor_llm(count: int, request: Any) -> None:
    for _ in range(count):
        await complete(request)


async def floor_gathered(count: int, request: Any) -> None:
    for _ in range(max(1, count // TASKS)):
        await asyncio.gather(*[floor_task(request) for _ in range(min(count, TASKS))])


async def floor_task(request: Any) -> None:
    await search(request)


async def floor_stream(count: int, _: Any) -> None:
    async for _ in chunks(count):
        pass


FLOOR_PREPARATIONS = ("nothing", "one of each", "ten of each")

CONTESTANTS = [
    Contestant(
        PEER,
        works_of(nemo_relay, nemo_relay.ToolExecutionResult),
        preparations_of(nemo_relay, peer_around),
        nemo_relay.subscribers.flush_async,
    ),
    Contestant(
        SPANS,
        {
            "scopes": span_scopes,
            "manual": span_by_hand,
            "calls": span_calls,
            "gathered": span_gathered,
            "llm": span_calls,
            "stream": span_stream,
        },
        {"nothing": nullcontext, "depth": deep_spans, "subscriber": heard_spans},
    ),
    Contestant(
        OURS,
        works_of(scopeflow, lambda result: result),
        preparations_of(scopeflow, our_around),
        scopeflow.subscribers.flush_async,
    ),
    Contestant(
        FLOOR,
        {
            "scopes": floor_scopes,
            "calls": floor_calls,
            "gathered": floor_gathered,
            "llm": floor_llm,
            "stream": floor_stream,
        },
        dict.fromkeys(FLOOR_PREPARATIONS, nullcontext),
    ),
]
