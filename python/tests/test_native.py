"""Callables in C (ADR 0020) inside Python: under async, in one chain with Python's own, and with
Python's own objects and errors at both ends."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref

import native_callables as native
import pytest
from native_callables import Registered

import scopeflow
from scopeflow import LLMRequest, PluginError, ScopeType

GUARD, SUBSCRIBER, SANITIZER, RESPONSE_SANITIZER, INTERCEPT, EXECUTION = range(1, 7)
LLM_SANITIZER, LLM_INTERCEPT, LLM_EXECUTION = 7, 10, 11
MARK_SANITIZER, INJECTOR = 13, 16


@pytest.fixture
def runtime():
    made = scopeflow.Runtime()
    yield made
    made.close()


async def search(request):
    await asyncio.sleep(0)
    return {"found": request}


def run(runtime, request=None, target=search):
    return asyncio.run(
        runtime.tool_execute("search", {"q": 1} if request is None else request, target)
    )


def nothing(invocation):
    pass


# --- Guards ---


def test_a_guard_refuses_an_awaited_call(runtime):
    guard = Registered(runtime, GUARD, "g", lambda i: i.refuse(f"no {i.target} of {i.json()}"))
    with pytest.raises(scopeflow.GuardrailRejected) as caught:
        run(runtime)
    assert caught.value.reason == 'no search of {"q":1}'
    runtime.deregister_tool_conditional_execution_guardrail("g")
    assert guard.destroyed == 1
    assert run(runtime) == {"found": {"q": 1}}


def test_native_and_python_guards_are_one_chain(runtime):
    order = []

    async def third(name, request):
        order.append("third")

    runtime.register_tool_conditional_execution_guardrail("third", 3, third)
    natives = [
        Registered(runtime, GUARD, "second", lambda i: order.append("second"), priority=2),
        Registered(runtime, GUARD, "fourth", lambda i: order.append("fourth"), priority=4),
    ]
    runtime.register_tool_conditional_execution_guardrail(
        "first", 1, lambda name, request: order.append("first")
    )
    run(runtime)
    assert order == ["first", "second", "third", "fourth"]
    assert [n.errors for n in natives] == [[], []]


def test_a_failure_is_an_error_of_the_runtime(runtime):
    guard = Registered(runtime, GUARD, "g", lambda i: i.fail("no rules in /etc/rules"))
    with pytest.raises(PluginError, match=r"^plugin error: no rules in /etc/rules$"):
        run(runtime)
    guard.function = lambda i: i.fail("99 are too many", scopeflow.LimitExceeded.status)
    with pytest.raises(scopeflow.LimitExceeded, match="99 are too many"):
        runtime.tool_execute_sync("search", {}, lambda request: 1)
    guard.function = lambda i: i.fail("closed", scopeflow.GuardrailRejected.status)
    with pytest.raises(
        scopeflow.GuardrailRejected, match=r"^guardrail rejected: closed$"
    ) as caught:
        runtime.tool_execute_sync("search", {}, lambda request: 1)
    assert caught.value.reason == "closed"


# --- Python's own objects ---


def test_what_no_native_callable_changed_is_the_callers_own_object(runtime):
    kept = [
        Registered(runtime, registry, "x", nothing)
        for registry in (GUARD, INTERCEPT, EXECUTION, SANITIZER, RESPONSE_SANITIZER)
    ]
    request, result, seen = {"q": object()}, object(), []
    runtime.register_subscriber("log", lambda event: None)

    async def target(given):
        seen.append(given)
        return result

    assert run(runtime, request, target) is result
    assert seen[0] is request
    assert len(kept) == 5


def test_what_is_replaced_comes_from_json(runtime):
    kept = Registered(
        runtime, INTERCEPT, "i", lambda i: i.replace('{"n": 12345678901234567890, "x": [null]}')
    )
    assert run(runtime) == {"found": {"n": 12345678901234567890, "x": [None]}}
    assert kept.errors == []


def test_an_llm_request_is_made_anew(runtime):
    seen = []

    def shorten(invocation):
        request = json.loads(invocation.json())
        request["content"]["messages"] = request["content"]["messages"][-1:]
        invocation.replace(json.dumps(request))

    kept = Registered(runtime, LLM_INTERCEPT, "i", shorten)

    async def model(request):
        seen.append(request)
        return {"ok": True}

    request = LLMRequest({"Authorization": "k"}, {"messages": ["a", "b"]})
    asyncio.run(runtime.llm_execute("provider", request, model))
    assert type(seen[0]) is LLMRequest
    assert seen[0].content == {"messages": ["b"]}
    assert seen[0].headers == {"Authorization": "k"}
    assert request.content == {"messages": ["a", "b"]}
    assert kept.errors == []


def test_sanitizers_never_see_credentials(runtime):
    seen, events = [], []
    kept = Registered(runtime, LLM_SANITIZER, "s", lambda i: seen.append(i.json()))
    runtime.register_subscriber("log", events.append)
    request = LLMRequest({"Authorization": "k", "x": "y"}, {"m": 1})
    runtime.llm_execute_sync("provider", request, lambda given: 1)
    assert json.loads(seen[0]) == {"content": {"m": 1}, "headers": {"x": "y"}}
    assert events[0].data == {"content": {"m": 1}, "headers": {"x": "y"}}
    assert kept.errors == []


# --- Execution ---


def test_an_awaited_target_is_tried_again(runtime):
    marks, attempts, current = [], [], []

    def retry(invocation):
        if invocation.is_after and invocation.has_failed and invocation.attempt < 3:
            attempts.append(json.loads(invocation.json(native.OUTCOME))["error"]["message"])
            invocation.decide(native.RETRY)

    kept = Registered(runtime, EXECUTION, "retry", retry)
    runtime.register_subscriber("log", lambda event: marks.append(event.name))

    async def flaky(request):
        await asyncio.sleep(0)
        current.append(runtime.get_handle())
        if len(attempts) < 2:
            raise ValueError(f"failure {len(attempts)}")
        return "at last"

    assert run(runtime, {}, flaky) == "at last"
    assert attempts == ["failure 0", "failure 1"]
    assert marks == ["search", "attempt", "attempt", "search"]
    assert len({handle.uuid for handle in current}) == 1
    assert runtime.get_handle().scope_type == ScopeType.Agent  # The root again.
    assert kept.errors == []


def test_native_and_python_execution_intercepts_nest(runtime):
    order = []

    def note(invocation):
        order.append(("after " if invocation.is_after else "before ") + invocation.registration)

    async def around(name, request, next):
        order.append("before python")
        result = await next({**request, "python": True})
        order.append("after python")
        return result

    kept = [
        Registered(runtime, EXECUTION, "outer", note, priority=1),
        Registered(runtime, EXECUTION, "inner", note, priority=3),
    ]
    runtime.register_tool_execution_intercept("python", 2, around)
    assert run(runtime) == {"found": {"q": 1, "python": True}}
    inside = ["before inner", "after inner"]
    assert order == ["before outer", "before python", *inside, "after python", "after outer"]
    assert len(kept) == 2


def test_a_result_is_cut_short_or_replaced(runtime):
    intercept = Registered(runtime, EXECUTION, "x", lambda i: i.decide(native.SHORT_CIRCUIT, "[1]"))
    assert run(runtime, {}, None or pytest.fail) == [1]
    intercept.function = lambda i: i.is_after and i.decide(native.REPLACE, "null")
    assert run(runtime) is None
    intercept.function = lambda i: i.is_after or i.decide(native.REPLACE, '{"q": 2}')
    assert run(runtime) == {"found": {"q": 2}}


def test_a_cancellation_passes(runtime):
    moments = []
    kept = Registered(runtime, EXECUTION, "x", lambda i: moments.append(i.is_after))

    async def main():
        call = asyncio.ensure_future(
            runtime.tool_execute("search", {}, lambda request: asyncio.sleep(60))
        )
        await asyncio.sleep(0.01)
        call.cancel()
        await call

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert moments == [False]
    assert kept.errors == []


# --- Events ---


def test_subscribers_injectors_and_sanitizers_of_events(runtime):
    lines, events = [], []
    kept = [
        Registered(runtime, INJECTOR, "i", lambda i: i.replace('{"zone": "eu"}')),
        Registered(runtime, MARK_SANITIZER, "m", lambda i: i.replace(
            json.dumps({**json.loads(i.json()), "data": "***"})
        )),
        Registered(runtime, SUBSCRIBER, "s", lambda i: lines.append(json.loads(i.json()))),
    ]  # fmt: skip
    runtime.register_subscriber("log", events.append)
    runtime.scope_event("seen", data={"card": "4111"})
    assert events[0].data == "***" and events[0].metadata == {"zone": "eu"}
    assert lines == [json.loads(events[0].to_json())]
    assert [n.errors for n in kept] == [[], [], []]


def test_a_failing_subscriber_is_counted_and_logged(runtime, caplog):
    kept = Registered(runtime, SUBSCRIBER, "s", lambda i: i.fail("disk full"))
    runtime.scope_event("seen")
    assert runtime.stats().subscriber_error_count == 1
    assert "subscriber 's' failed: PluginError: plugin error: disk full" in caplog.text
    assert kept.errors == []


def test_a_scope_has_callables_of_its_own(runtime):
    seen = []
    with runtime.scope("a", ScopeType.Agent) as scope:
        kept = Registered(scope, SUBSCRIBER, "s", lambda i: seen.append(i.target))
        runtime.scope_event("inside")
    runtime.scope_event("outside")
    assert seen == ["inside", "a"]
    assert kept.errors == []


# --- Life ---


def test_callables_use_the_runtime_meanwhile(runtime):
    inner = []

    def use(invocation):
        runtime.register_subscriber("late", lambda event: inner.append(event.name))
        runtime.scope_event("from inside")
        inner.append(runtime.tool_execute_sync("other", {}, lambda request: 2))
        runtime.deregister_subscriber("late")
        runtime.deregister_tool_request_intercept("i")

    kept = Registered(runtime, INTERCEPT, "i", lambda i: i.target == "search" and use(i))
    assert run(runtime) == {"found": {"q": 1}}
    assert inner == ["from inside", "other", "other", 2]
    assert kept.errors == [] and kept.destroyed == 1


def test_a_runtime_gives_its_callables_back_once():
    runtime = scopeflow.Runtime()
    kept = [Registered(runtime, GUARD, f"g{i}", nothing) for i in range(3)]
    run(runtime)
    capsule = runtime.capsule
    del runtime
    gc.collect()
    assert [k.destroyed for k in kept] == [0, 0, 0]  # The capsule holds the runtime.
    del capsule
    gc.collect()
    assert [k.destroyed for k in kept] == [1, 1, 1]


def test_a_name_is_taken_whatever_registered_it(runtime):
    runtime.register_tool_conditional_execution_guardrail("g", 1, lambda name, request: None)
    with pytest.raises(scopeflow.AlreadyExists, match="'g'"):
        Registered(runtime, GUARD, "g", nothing)
    names = {info.name for info in runtime.registrations()}
    assert names == {"g"}


class Forever:
    def __await__(self):
        yield self


def test_a_collector_finds_what_a_suspended_call_holds(runtime):
    """A native intercept made the request that runs; what an intercept of Python's made stands
    around it. Both are shown, each once."""
    made = Registered(
        runtime, EXECUTION, "x", lambda i: i.is_after or i.decide(native.REPLACE, "[]")
    )

    class Request(dict):
        pass

    requests = [Request()]
    runtime.register_tool_request_intercept("r", 1, False, lambda name, given: requests[0])

    def begin():
        call = runtime.tool_execute("search", {}, lambda given: Forever())
        call.send(None)
        requests[0]["call"] = call
        return weakref.ref(requests[0])

    request = begin()
    runtime.deregister_tool_request_intercept("r")
    requests.clear()
    gc.collect()
    assert request() is None
    assert made.errors == []
