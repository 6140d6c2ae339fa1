"""Managed calls, manual ones and standalone helpers, with every kind of middleware at work."""

from __future__ import annotations

import pytest
from host import Raised, Refuse, Taken
from test_scopes import names

REQUEST = {"headers": {}, "content": {"prompt": "all of the words"}}


def short(host, limit):
    """A guard that lets short requests pass."""

    def guard(step):
        return Refuse("too long") if len(str(host.objects[step.input])) > limit else None

    return guard


def test_a_tool_call_with_all_that_may_be_around_it(host):
    heard = host.hear()

    def twice(request, next):
        host.call("task_mark", running[0].memory, *host.texts("twice"), *[0, 0],
                  *host.texts("custom"), 0, 0)  # fmt: skip
        return [next(request), next({**request, "again": True})]

    host.register("tool_conditional_execution_guardrail", "length", short(host, 40))
    host.register("tool_request_intercept", "more", lambda step: {**value(step), "more": 1})
    host.register("tool_sanitize_request_guardrail", "hide", lambda step: "hidden")
    host.register("tool_sanitize_response_guardrail", "count", lambda step: len(value(step)))
    host.register("tool_execution_intercept", "twice", twice)
    host.register("event_metadata_injector", "who", lambda step: {"who": "me"})

    def value(step):
        return host.objects[step.input]

    running = [host.begin("tool_execute", name="search", target=lambda request: request,
                          request={"q": 1}, metadata=Taken({"team": 7}))]  # fmt: skip
    result = host.drive(running[0])
    assert result == [{"q": 1, "more": 1}, {"q": 1, "more": 1, "again": True}]
    assert names(heard) == [
        "start search", "mark attempt", "mark attempt", "end search", "mark twice",
    ]  # fmt: skip
    assert [event.get("data") for event in heard] == ["hidden", {"n": 1}, {"n": 2}, 2, None]
    assert heard[0]["metadata"]["team"] == 7 and heard[0]["metadata"]["who"] == "me"


def test_a_refused_call(host):
    heard = host.hear()
    host.register("tool_conditional_execution_guardrail", "length", short(host, 3))
    with pytest.raises(Raised, match="too long"):
        host.run("tool_execute", name="search", request="a long request", target=len)
    assert names(heard) == ["mark search"]
    with pytest.raises(Raised, match="too long"):
        host.run("tool_conditional_execution", name="search", request="a long request")


def test_the_targets_own_error_comes_back(host):
    heard = host.hear()

    def fail(_request):
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        host.run("tool_execute", name="search", request="q", target=fail)
    assert heard[1]["metadata"]["otel.status_code"] == "ERROR"


def test_helpers_run_one_part_of_a_call(host):
    host.register("tool_request_intercept", "more", lambda step: {"more": 1})
    host.register("llm_request_intercept", "same", lambda step: host.objects[step.input])
    host.register("llm_conditional_execution_guardrail", "all", lambda step: None)
    assert host.run("tool_request_intercepts", name="search", request={}) == {"more": 1}
    assert host.run("llm_request_intercepts", name="shouter", request=REQUEST) == REQUEST
    assert host.run("llm_conditional_execution", name="shouter", request=REQUEST) is None


def test_a_manual_call_of_a_tool(host):
    heard = host.hear()
    call = host.run("tool_call", name="search", request={"q": 1})
    host.run("tool_call_end", call, response=[1, 2], annotation={"from": "cache"})
    host.lib.scopeflow_scope_release(call)
    assert names(heard) == ["start search", "end search"]
    assert heard[1]["data"] == [1, 2]


def test_a_manual_call_of_a_model(host):
    heard = host.hear()
    call = host.run("llm_call", name="shouter", request=REQUEST, model_name="large")
    host.run("llm_call_end", call, response="WORDS")
    host.lib.scopeflow_scope_release(call)
    assert heard[0]["category_profile"]["model_name"] == "large"
    assert heard[1]["data"] == "WORDS"


def test_a_call_of_a_model_through_a_codec(host):
    heard, lib = host.hear(), host.lib

    def codec(action, given, annotated):
        if action == lib.SCOPEFLOW_CODEC_ACTION_ENCODE_REQUEST:
            return {**given, "content": annotated["text"]}
        return {"text": given["content"] if isinstance(given, dict) else given}

    hidden = {"headers": {}, "content": "hidden"}
    host.register("llm_sanitize_request_guardrail", "hide", lambda step: hidden)
    host.register("llm_sanitize_response_guardrail", "hide", lambda step: "hidden")
    host.register("llm_execution_intercept", "through", lambda request, next: next(request))
    task = host.begin("llm_execute", name="shouter", request=REQUEST,
                      target=lambda request: request["content"]["prompt"].upper())  # fmt: skip
    assert host.drive(task) == "ALL OF THE WORDS"
    assert [event["data"] for event in heard] == [hidden, {"n": 1}, "hidden"]

    host.run("llm_execute", name="shouter", request=REQUEST, codec=codec, response_codec=codec,
             target=lambda request: "WORDS")  # fmt: skip
    assert heard[3]["category_profile"]["annotated_request"] == {"text": "hidden"}


def test_a_stream(host):
    heard = host.hear()
    host.register("llm_stream_execution_intercept", "through", lambda request, next: next(request))
    host.run("llm_stream_execute", name="shouter", request=REQUEST,
             flags=host.lib.SCOPEFLOW_CALL_FLAG_FINALIZER,
             target=lambda request: iter(request["content"]["prompt"].split()),
             finalizer=lambda: "the whole answer")  # fmt: skip
    assert names(heard) == ["start shouter", "mark attempt", "end shouter"]
    assert heard[2]["data"] == "the whole answer"
    assert heard[2]["metadata"]["stream.chunk_count"] == 4


def test_a_call_that_is_let_go_of_ends_as_abandoned(host):
    heard = host.hear()
    task = host.begin("tool_execute", name="search", request={"q": 1}, target=len)
    while task.step.kind != host.lib.SCOPEFLOW_STEP_KIND_EXECUTE:
        host.call("task_resume", task.memory, host.answer(task), task.step)
    host.abandon(task)
    host.run("runtime_flush")
    assert names(heard) == ["start search", "end search"]


def test_a_garbage_collector_sees_what_a_task_holds(host):
    """The result of a call waits in its task while the end is delivered."""
    held = []

    def look(event):
        at = host.read("task_held_at", "scopeflow_ref", running[0].memory, 0)
        held.append(host.objects.get(at))

    running: list = []
    host.register("subscriber", "look", look, priority=None)
    agent = host.push("agent")
    held.clear()
    running.append(host.begin("tool_execute", name="search", request=1, target=lambda _: "answer"))
    host.drive(running[0])
    host.lib.scopeflow_scope_release(agent)
    assert held == [None, "answer"]
