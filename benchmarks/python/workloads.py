"""The rows of instructions.py: run by it under callgrind, as `workloads.py SHORT LONG`.

Each row runs in a context of its own, in which nothing is current; nobody listens but in the rows
that say so.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys

from request import REQUEST_8K

from scopeflow import (
    LLMRequest,
    ScopeType,
    guardrails,
    intercepts,
    llm,
    scope,
    subscribers,
    tools,
)

VARIABLE = contextvars.ContextVar("floor")
FUNCTION = ScopeType.Function
REQUEST = {"query": "x", "limit": 3}


async def search(arguments):
    return arguments


def search_sync(arguments):
    return arguments


def hear(event):
    pass


def allow(name, arguments):
    return None


@contextlib.contextmanager
def listening(subscriber=hear):
    subscribers.register("heard", subscriber)
    try:
        yield
    finally:
        subscribers.deregister("heard")


def empty(count):
    for _ in range(count):
        pass


def set_reset(count):
    variable = VARIABLE
    for _ in range(count):
        variable.reset(variable.set(variable))


def set_reset_when_set(count):
    VARIABLE.set(None)
    set_reset(count)


def scopes(count):
    push, pop, kind = scope.push, scope.pop, FUNCTION
    for _ in range(count):
        pop(push("plan", kind))


def scopes_in_a_scope(count):
    with scope.push("outer", FUNCTION):
        scopes(count)


def scopes_by_with(count):
    push, kind = scope.push, FUNCTION
    for _ in range(count):
        with push("plan", kind):
            pass


def marks(count):
    event = scope.event
    for _ in range(count):
        event("mark")


def marks_with(data):
    def run(count):
        event = scope.event
        for _ in range(count):
            event("mark", data=data)

    return run


LONE = {"rows": 1}
# 140 values each, and the request of the other benchmarks, with 143 values under 190 keys.
TABLE = {
    "rows": [{"id": row, "role": "user", "text": "x" * 20} for row in range(34)],
    "a": 1,
    "b": 2,
}
CHAT = {"messages": [{"role": "user", "content": "x" * 100} for _ in range(46)]}


def keep(event):
    KEPT[0] = event


KEPT = [None]


def heard_marks(data, subscriber):
    def run(count):
        with listening(subscriber):
            marks_with(data)(count)
        KEPT[0] = None

    return run


async def awaits(count):
    request = REQUEST
    for _ in range(count):
        await search(request)


async def calls(count):
    execute, request = tools.execute, REQUEST
    for _ in range(count):
        await execute("search", request, search)


async def calls_in_a_scope(count):
    with scope.push("outer", FUNCTION):
        await calls(count)


async def calls_of_sync_tools(count):
    execute, request = tools.execute, REQUEST
    for _ in range(count):
        await execute("search", request, search_sync)


async def checked_calls(count):
    """S4.6: a mark that is emitted inside the target has the call as its parent."""
    parents = []

    def note(event):
        if event.kind == "mark":
            parents.append(event.parent_uuid)

    async def target(arguments):
        scope.event("inside")
        assert parents.pop() == scope.get_handle().uuid
        return arguments

    execute, request = tools.execute, REQUEST
    with listening(note):
        for _ in range(count):
            await execute("search", request, target)


def sync_calls(count):
    execute, request = tools.execute_sync, REQUEST
    for _ in range(count):
        execute("search", request, search_sync)


def sync_calls_beside_asyncio(count):
    """In a program that has loaded it, and with it inspect."""
    import asyncio  # noqa: F401

    sync_calls(count)


def scopes_heard(count):
    with listening():
        scopes(count)


async def calls_heard(count):
    with listening():
        await calls(count)


async def guarded_calls(count):
    guardrails.register_tool_conditional_execution("allow", 1, allow)
    try:
        await calls(count)
    finally:
        guardrails.deregister_tool_conditional_execution("allow")


async def around(name, arguments, next):
    return await next(arguments)


def same(name, arguments):
    return arguments


@contextlib.contextmanager
def registered(each):
    """One guard, sanitizer, request intercept and execution intercept, `each` times."""
    for name in map(str, range(each)):
        guardrails.register_tool_conditional_execution(name, 1, allow)
        guardrails.register_tool_sanitize_request(name, 1, same)
        intercepts.register_tool_request(name, 1, False, same)
        intercepts.register_tool_execution(name, 1, around)
    try:
        yield
    finally:
        for name in map(str, range(each)):
            guardrails.deregister_tool_conditional_execution(name)
            guardrails.deregister_tool_sanitize_request(name)
            intercepts.deregister_tool_request(name)
            intercepts.deregister_tool_execution(name)


async def calls_with_one_of_each(count):
    with registered(1):
        await calls(count)


async def calls_with_ten_of_each(count):
    with registered(10):
        await calls(count)


LLM_REQUEST = LLMRequest(
    {"authorization": "secret"},
    {"messages": [{"role": "user", "content": "x" * 100} for _ in range(64)]},
)


async def llm_calls(count):
    execute, request = llm.execute, LLM_REQUEST
    for _ in range(count):
        await execute("openai", request, search)


async def chunks(count):
    for number in range(count):
        yield number


async def bare_chunks(count):
    async for _ in chunks(count):
        pass


async def streamed_chunks(count):
    async for _ in await llm.stream_execute("openai", LLM_REQUEST, lambda request: chunks(count)):
        pass


ROWS = {
    "empty loop": empty,
    "set, reset": set_reset,
    "set, reset when set": set_reset_when_set,
    "scope at the root": scopes,
    "scope in a scope": scopes_in_a_scope,
    "scope, `with`": scopes_by_with,
    "mark": marks,
    "mark, 5 values": marks_with(dict.fromkeys("abcd", "text")),
    "mark, 5,000 values": marks_with({"rows": [{"id": row, "text": "x"} for row in range(1_666)]}),
    "mark heard, one value": heard_marks(LONE, hear),
    "mark heard, 140 values": heard_marks(REQUEST_8K, hear),
    "mark kept, table of 140 values": heard_marks(TABLE, keep),
    "mark kept, chat of 140 values": heard_marks(CHAT, keep),
    "mark kept, request of 8 KB": heard_marks(REQUEST_8K, keep),
    "await f(args)": awaits,
    "tool, async": calls,
    "tool, async, in a scope": calls_in_a_scope,
    "tool, async, sync target": calls_of_sync_tools,
    "tool, sync": sync_calls,
    "scope, one subscriber": scopes_heard,
    "tool, one subscriber": calls_heard,
    "tool, one guard": guarded_calls,
    "tool, checked": checked_calls,
    "tool, one of each of four": calls_with_one_of_each,
    "tool, ten of each of four": calls_with_ten_of_each,
    "llm, 8 KB": llm_calls,
    "async generator, a chunk": bare_chunks,
    "stream, a chunk": streamed_chunks,
    "tool, sync, beside asyncio": sync_calls_beside_asyncio,
}


def run(row, count):
    """Runs a row in the present context; coroutines without an event loop, which counts too."""
    started = row(count)
    if started is not None:
        try:
            started.send(None)
        except StopIteration:
            return
        raise AssertionError("nothing here suspends")


def roomy_pools():
    """Objects of each small size, with free places between them, as a program that has run for a
    while leaves them. Else it is luck which sizes have a pool that each operation takes and gives
    back: 270 instructions, by the length of the environment."""
    objects = [[bytes(size) for _ in range(600)] for size in range(0, 512 - sys.getsizeof(b""), 16)]
    for same in objects:
        del same[::2]
    return objects


def main():
    short, long = int(sys.argv[1]), int(sys.argv[2])
    objects = roomy_pools()
    for name, row in ROWS.items():
        for count in (200, short, long):
            context = contextvars.Context()
            context.run(run, row, count)
            os.getppid()  # Tells callgrind to dump.
        print(name)
    assert objects  # They are held until here.


if __name__ == "__main__":
    main()
