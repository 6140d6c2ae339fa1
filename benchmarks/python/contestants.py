"""What `compare.py` lets race: the same rows of work, each in the words of one library."""

from __future__ import annotations

import contextvars
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import scopeflow

try:
    import nemo_relay
    import nemo_relay.guardrails
    import nemo_relay.intercepts
    import nemo_relay.scope
    import nemo_relay.scope_local
    import nemo_relay.subscribers
    import nemo_relay.tools
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
except ImportError as missing:
    sys.exit(f"{missing.name} is missing: pip install nemo-relay==0.10.4 opentelemetry-sdk")

OURS, PEER, SPANS, FLOOR = "scopeflow", "nemo-relay", "opentelemetry-sdk", "floor"
SMALL = {"query": "x", "limit": 3}
LARGE = {"rows": [{"id": i, "tags": ["a", "b"], "text": "x" * 20} for i in range(1000)]}
DEPTH, OTHERS = 1000, 1000

# Row -> what is prepared for it, whether it is a tool call, and the request.
ROWS: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "scope": ("nothing", False, SMALL),
    "scope, depth 1,000": ("depth", False, SMALL),
    "scope, one subscriber": ("subscriber", False, SMALL),
    "tool": ("nothing", True, SMALL),
    "tool, depth 1,000": ("depth", True, SMALL),
    "tool, 2,000 others": ("others", True, SMALL),
    "tool, 5,000 nodes": ("nothing", True, LARGE),
    "tool, one subscriber": ("subscriber", True, SMALL),
}


async def search(request: dict[str, Any]) -> dict[str, Any]:
    return request


def listen(event: object) -> None:
    """A subscriber that is called and looks at nothing."""


@dataclass(frozen=True)
class Contestant:
    """`scopes` and `calls` do an operation `count` times; `preparations` stand around that."""

    name: str
    scopes: Callable[[int], Any]
    calls: Callable[[int, dict[str, Any]], Any]
    preparations: dict[str, Callable[[], AbstractContextManager[Any]]]

    def has(self, row: str) -> bool:
        return ROWS[row][0] in self.preparations

    def prepared(self, row: str) -> AbstractContextManager[Any]:
        return self.preparations[ROWS[row][0]]()

    async def work(self, row: str, count: int) -> None:
        _, is_call, request = ROWS[row]
        await (self.calls(count, request) if is_call else self.scopes(count))


# --- scopeflow and nemo-relay: the same names ---


def scopes_of(library: ModuleType) -> Callable[[int], Any]:
    async def scopes(count: int) -> None:
        push, pop, kind = library.scope.push, library.scope.pop, library.ScopeType.Function
        for _ in range(count):
            pop(push("plan", kind))

    return scopes


def calls_of(library: ModuleType, target: Callable[..., Any]) -> Callable[..., Any]:
    async def calls(count: int, request: dict[str, Any]) -> None:
        execute = library.tools.execute
        for _ in range(count):
            await execute("search", request, target)

    return calls


async def peer_search(request: dict[str, Any]) -> object:
    # The peer wants the result in its own class.
    return nemo_relay.ToolExecutionResult(request)


def preparations_of(library: ModuleType) -> dict[str, Callable[[], AbstractContextManager[Any]]]:
    kind = library.ScopeType.Function

    @contextmanager
    def depth() -> Iterator[None]:
        handles = [library.scope.push("outer", kind) for _ in range(DEPTH)]
        yield
        for handle in reversed(handles):
            library.scope.pop(handle)

    @contextmanager
    def subscriber() -> Iterator[None]:
        library.subscribers.register("listen", listen)
        yield
        library.subscribers.deregister("listen")

    @contextmanager
    def others() -> Iterator[None]:
        """Middleware of LLM calls, and guards of a scope that has ended."""
        elsewhere = library.scope.push("elsewhere", kind)
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

    return {"nothing": nullcontext, "depth": depth, "subscriber": subscriber, "others": others}


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


async def span_scopes(count: int) -> None:
    for _ in range(count):
        with tracer.start_as_current_span("plan"):
            pass


async def span_calls(count: int, request: dict[str, Any]) -> None:
    for _ in range(count):
        with tracer.start_as_current_span("search") as span:
            if tracer is heard:
                span.set_attribute("gen_ai.tool.call.arguments", json.dumps(request))
            await search(request)


@contextmanager
def deep_spans() -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(DEPTH):
            stack.enter_context(tracer.start_as_current_span("outer"))
        yield


# --- The floor ---

variable: contextvars.ContextVar[object] = contextvars.ContextVar("floor")


async def floor_scopes(count: int) -> None:
    for _ in range(count):
        variable.reset(variable.set(None))


async def floor_calls(count: int, request: dict[str, Any]) -> None:
    for _ in range(count):
        await search(request)


CONTESTANTS = [
    Contestant(
        PEER, scopes_of(nemo_relay), calls_of(nemo_relay, peer_search), preparations_of(nemo_relay)
    ),
    Contestant(
        SPANS,
        span_scopes,
        span_calls,
        {"nothing": nullcontext, "depth": deep_spans, "subscriber": heard_spans},
    ),
    Contestant(OURS, scopes_of(scopeflow), calls_of(scopeflow, search), preparations_of(scopeflow)),
    Contestant(FLOOR, floor_scopes, floor_calls, {"nothing": nullcontext}),
]
