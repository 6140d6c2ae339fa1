"""Managed tool calls and their guardrails, sync and async (S3, S4)."""

from __future__ import annotations

import asyncio
import functools
import inspect
import traceback

import pytest

import scopeflow
from scopeflow import ScopeType, ToolAttributes

GUARDED = "tool conditional-execution guardrail 'g'"


def run_async(runtime, *arguments, **named):
    async def main():
        return await runtime.tool_execute(*arguments, **named)

    return asyncio.run(main())


def run_sync(runtime, *arguments, **named):
    return runtime.tool_execute_sync(*arguments, **named)


@pytest.fixture(params=[run_async, run_sync], ids=["async", "sync"])
def call(request, runtime):
    """Runs a tool on the test's runtime."""
    return functools.partial(request.param, runtime)


def guard_with(runtime, guard, name="g", priority=1):
    runtime.register_tool_conditional_execution_guardrail(name, priority, guard)


# --- What comes out ---


def test_the_callers_own_objects_go_through(call, runtime, log):
    request, result = {"q": [1, {2: 3}]}, object()
    seen = []

    def guard(name, args):
        seen.append((name, args))

    def tool(args):
        seen.append(args)
        return result

    guard_with(runtime, guard)
    assert call("search", request, tool) is result
    assert seen[0][0] == "search" and seen[0][1] is request and seen[1] is request
    assert log.story() == ["start search", "end search"]


@pytest.mark.parametrize(
    "result", [None, (), (1, 2), ValueError("a value"), StopIteration(3), Exception, 0, ""]
)
def test_any_object_may_be_the_result(call, result):
    assert call("tool", 1, lambda args: result) is result


def test_none_is_a_result_and_can_be_an_argument(call, log):
    assert call("tool", None, lambda args: args) is None
    assert log.end("tool").data is None
    assert log.end("tool").metadata["data.null"] is True


def test_everything_that_can_be_given_stands_in_the_events(call, runtime, log):
    parent = runtime.scope_push("parent", ScopeType.Agent)
    other = runtime.scope_push("other", ScopeType.Agent)
    call(
        "search",
        {"q": 1},
        lambda args: None,
        handle=parent,
        attributes=ToolAttributes.REMOTE,
        data={"fallback": True},
        metadata={"tenant": "a"},
        tool_call_id="call_1",
        timestamp=parent.started_at_ns + 5,
    )
    start = log.start("search")
    assert start.parent_uuid == parent.uuid
    assert start.attributes == ["remote"]
    assert start.metadata == {"tenant": "a"}
    assert start.category_profile == {"tool_call_id": "call_1"}
    assert start.timestamp_ns == parent.started_at_ns + 5
    assert log.end("search").metadata["tenant"] == "a"
    other.close()
    parent.close()


def test_the_call_is_the_parent_of_what_happens_inside(call, runtime, log):
    def tool(args):
        current = runtime.get_handle()
        assert (current.name, current.scope_type) == ("outer", ScopeType.Tool)
        assert current.attributes == ToolAttributes.REMOTE and current.tool_call_id == "c"
        assert isinstance(current.attributes, ToolAttributes)
        assert (current.data, current.metadata) == ("d", {"m": 1})
        runtime.scope_event("mark")
        runtime.tool_execute_sync("inner", 1, lambda args: args)
        return current

    span = call("outer", 1, tool, attributes=1, tool_call_id="c", data="d", metadata={"m": 1})
    assert log.named("mark").parent_uuid == span.uuid == log.start("outer").uuid
    assert log.start("inner").parent_uuid == span.uuid
    assert not span.is_open


def test_the_targets_own_exception_comes_out(call, log):
    error = LookupError("no such city")
    cause = KeyError("x")

    def tool(args):
        raise error from cause

    with pytest.raises(LookupError) as caught:
        call("weather", 1, tool)
    assert caught.value is error and error.__cause__ is cause
    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert frames[-1] == "tool"
    assert not hasattr(error, "__notes__")
    assert log.end("weather").metadata == {
        "otel.status_code": "ERROR",
        "otel.status_description": "no such city",
        "error.type": "exception",
        "exception.type": "LookupError",
    }


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_exits_and_cancellation_pass_through_as_cancelled(runtime, log, kind):
    error = kind("x")

    def tool(args):
        raise error

    with pytest.raises(kind) as caught:
        runtime.tool_execute_sync("tool", 1, tool)
    assert caught.value is error
    assert log.end("tool").metadata["error.type"] == "cancelled"
    assert runtime.get_handle().name == "root"


def test_the_runtimes_own_error_keeps_its_name_on_the_way_out(call, runtime, log):
    guard_with(runtime, lambda name, args: "no" if name == "inner" else None)

    def tool(args):
        runtime.tool_execute_sync("inner", 1, print)

    with pytest.raises(scopeflow.GuardrailRejected):
        call("outer", 1, tool)
    assert log.end("outer").metadata["error.type"] == "guardrail_rejected"


def test_a_target_may_change_its_callers_context_variables(runtime):
    import contextvars

    variable = contextvars.ContextVar("variable")

    async def tool(args):
        variable.set(args)

    async def main():
        await runtime.tool_execute("set", 5, tool)
        return variable.get()

    assert asyncio.run(main()) == 5


# --- Guardrails ---


def test_a_refusal(call, runtime, log):
    guard_with(runtime, lambda name, args: "over budget")
    with pytest.raises(scopeflow.GuardrailRejected) as caught:
        call("search", 1, lambda args: pytest.fail("the tool must not run"))
    assert caught.value.reason == "over budget"
    assert str(caught.value) == "guardrail rejected: over budget"
    (mark,) = log.events
    assert (mark.name, mark.category) == ("search", "guardrail")
    assert mark.data == {
        "rejected": True,
        "rejection_reason": "over budget",
        "guardrail": "g",
    }


@pytest.mark.parametrize("reason", ["", "ä€😀"])
def test_any_text_is_a_reason(call, runtime, reason):
    guard_with(runtime, lambda name, args: reason)
    with pytest.raises(scopeflow.GuardrailRejected) as caught:
        call("search", 1, print)
    assert caught.value.reason is reason


def test_a_failing_guard_raises_its_own_exception_with_a_note(call, runtime, log):
    error = ValueError("bad rule")

    def guard(name, args):
        raise error

    guard_with(runtime, guard)
    with pytest.raises(ValueError) as caught:
        call("search", 1, print)
    assert caught.value is error
    assert error.__notes__ == [f"{GUARDED} callable failed for 'search'"]
    (mark,) = log.events
    assert mark.data["step"] == "guard" and mark.data["registration"] == "g"
    assert mark.data["error"] == {"type": "ValueError", "message": "bad rule"}


@pytest.mark.parametrize("verdict", [True, False, 0, b"no", ["no"], {"allowed": True}])
def test_a_verdict_of_another_type_is_a_mistake_of_the_guard(call, runtime, verdict):
    guard_with(runtime, lambda name, args: verdict)
    with pytest.raises(scopeflow.InvalidArgument) as caught:
        call("search", 1, print)
    returned = f"{GUARDED} returned {type(verdict).__name__} for 'search'; expected str or None"
    assert str(caught.value) == f"invalid argument: {returned}"


def test_guards_run_by_priority_and_the_first_reason_counts(call, runtime):
    order = []

    def guard(label, verdict):
        return lambda name, args: order.append(label) or verdict

    guard_with(runtime, guard("late", "late"), "late", 5)
    guard_with(runtime, guard("first", None), "first", -5)
    guard_with(runtime, guard("second", "second"), "second", 0)
    with pytest.raises(scopeflow.GuardrailRejected, match="second"):
        call("search", 1, print)
    assert order == ["first", "second"]


def test_a_scopes_guard_applies_under_the_scope_only(call, runtime):
    with runtime.scope("guarded", ScopeType.Agent) as handle:
        runtime.scope_register_tool_conditional_execution_guardrail(
            handle, "g", 1, lambda name, args: "not here"
        )
        with runtime.scope("inner", ScopeType.Agent), pytest.raises(scopeflow.GuardrailRejected):
            call("search", 1, print)
    assert call("search", 1, lambda args: "allowed") == "allowed"
    with pytest.raises(scopeflow.NotFound):
        runtime.scope_register_tool_conditional_execution_guardrail(handle, "h", 1, print)


def test_guards_run_under_the_callers_scope(call, runtime):
    seen = []
    guard_with(runtime, lambda name, args: seen.append(runtime.get_handle().name))
    with runtime.scope("caller", ScopeType.Agent):
        call("search", 1, lambda args: None)
    assert seen == ["caller"]


def test_a_guard_may_register_and_call(call, runtime):
    def guard(name, args):
        if name == "outer":
            guard_with(runtime, lambda name, args: "too late", "new")
            assert runtime.deregister_tool_conditional_execution_guardrail("g")
            with pytest.raises(scopeflow.GuardrailRejected):
                runtime.tool_execute_sync("inner", 1, print)

    guard_with(runtime, guard)
    assert call("outer", 1, lambda args: "ran") == "ran", "a call keeps what it saw (S3.4)"


# --- Sync and async (S3.8) ---


class CallableObject:
    async def __call__(self, *arguments):
        return None


class WithMethod:
    async def method(self, *arguments):
        return None


async def async_function(*arguments):
    return None


ASYNC = {
    "function": async_function,
    "partial": functools.partial(async_function),
    "nested partial": functools.partial(functools.partial(WithMethod().method)),
    "method": WithMethod().method,
    "object": CallableObject(),
    "lambda that says so": None,
}
if hasattr(inspect, "markcoroutinefunction"):
    ASYNC["lambda that says so"] = inspect.markcoroutinefunction(lambda *a: async_function(*a))
else:
    del ASYNC["lambda that says so"]


@pytest.mark.parametrize("function", ASYNC.values(), ids=ASYNC)
def test_a_sync_call_refuses_what_is_declared_async_before_anything_is_emitted(
    runtime, log, function
):
    with pytest.raises(scopeflow.InvalidState, match="tool 'search' is async"):
        runtime.tool_execute_sync("search", 1, function)
    guard_with(runtime, function)
    with pytest.raises(scopeflow.InvalidState, match=GUARDED):
        runtime.tool_execute_sync("search", 1, print)
    assert log.events == []
    assert run_async(runtime, "search", 1, lambda args: "fine") == "fine"


def test_what_turns_out_to_be_awaitable_in_a_sync_call_is_closed_and_fails_it(runtime, log):
    with pytest.raises(
        scopeflow.InvalidState, match="the target of 'search' returned an awaitable"
    ):
        runtime.tool_execute_sync("search", 1, lambda args: async_function())
    assert log.story() == ["start search", "end search"]
    guard_with(runtime, lambda name, args: async_function())
    with pytest.raises(scopeflow.InvalidState, match=f"{GUARDED} returned an awaitable"):
        runtime.tool_execute_sync("search", 1, print)


def test_an_async_call_awaits_whatever_can_be_awaited(runtime):
    class Ready:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "ready"

    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, "future")
        return [
            await runtime.tool_execute("a", 1, lambda args: future),
            await runtime.tool_execute("b", 1, lambda args: Ready()),
            await runtime.tool_execute("c", 1, lambda args: asyncio.sleep(0, "sleep")),
            await runtime.tool_execute("d", 1, lambda args: runtime.tool_execute("e", 1, str)),
        ]

    assert asyncio.run(main()) == ["future", "ready", "sleep", "1"]


def test_async_guards_are_awaited_in_order(runtime, log):
    order = []

    async def slow(name, args):
        await asyncio.sleep(0.001)
        order.append("slow")

    async def refuse(name, args):
        order.append("refuse")
        return "no"

    guard_with(runtime, slow, "slow", 1)
    guard_with(runtime, refuse, "refuse", 2)
    with pytest.raises(scopeflow.GuardrailRejected):
        run_async(runtime, "search", 1, print)
    assert order == ["slow", "refuse"]


def test_many_calls_at_once(runtime, log):
    async def tool(args):
        await asyncio.sleep(0.001 * (args % 3))
        runtime.scope_event("inside", data=args)
        return args

    async def main():
        with runtime.scope("main", ScopeType.Agent):
            calls = (runtime.tool_execute("tool", i, tool) for i in range(100))
            return await asyncio.gather(*calls)

    assert asyncio.run(main()) == list(range(100))
    starts = {e.uuid: e.data for e in log.events if e.scope_category == "start"}
    marks = [e for e in log.events if e.kind == "mark"]
    assert [starts[mark.parent_uuid] for mark in marks] == [mark.data for mark in marks]
    assert len(marks) == 100
