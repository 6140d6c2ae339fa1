"""Intercepts, sanitizers and their contexts, where Python has ways of its own."""

from __future__ import annotations

import asyncio
import copy
import functools
import logging
import pickle
from collections import OrderedDict, namedtuple
from types import SimpleNamespace

import pytest

import scopeflow
from scopeflow import (
    InterceptOutcome,
    InvalidArgument,
    InvalidState,
    LLMRequest,
    LLMRequestInterceptOutcome,
    PendingMarkSpec,
    ScopeType,
)


def run(awaitable):
    """Drives what never suspends."""
    try:
        awaitable.__await__().send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


# --- LLMRequest ---


def test_a_request_has_equality_attributes_and_copies():
    request = LLMRequest({"a": "b"}, {"messages": []})
    assert request == LLMRequest({"a": "b"}, {"messages": []})
    assert request != LLMRequest({}, {"messages": []})
    assert request != {"headers": {"a": "b"}, "content": {"messages": []}}
    request.content = {"other": 1}
    request.headers["c"] = "d"
    for made in (copy.copy(request), copy.deepcopy(request), pickle.loads(pickle.dumps(request))):
        assert made == request
        assert made is not request
    with pytest.raises(TypeError, match="unhashable"):
        hash(request)


def test_the_text_of_a_request_holds_no_credentials():
    text = repr(LLMRequest({"authorization": "Bearer secret"}, {"q": 1}))
    assert "secret" not in text
    assert "authorization" in text


def test_a_request_is_an_object_of_content_and_headers(runtime, log):
    runtime.scope_event("mark", data={"request": LLMRequest({"h": 1}, [2])})
    assert log.events[0].data == {"request": {"content": [2], "headers": {"h": 1}}}


@pytest.mark.parametrize("call", ["llm_execute", "llm_execute_sync", "llm_call"])
def test_a_request_of_another_type_is_a_type_error(runtime, call):
    arguments = ("gpt", {"headers": {}, "content": {}}, str)[: 2 if call == "llm_call" else 3]
    with pytest.raises(TypeError, match="request must be LLMRequest, not dict"):
        getattr(runtime, call)(*arguments)


# --- Private copies (S3.10) ---


def copied(runtime, value):
    """What a request intercept gets."""
    given = []

    def intercept(name, args):
        given.append(args)
        return args

    runtime.register_tool_request_intercept("copy", 1, False, intercept)
    runtime.tool_execute_sync("tool", value, lambda args: None)
    runtime.deregister_tool_request_intercept("copy")
    return given[0]


def test_containers_are_copied_and_leaves_are_shared(runtime):
    leaf = object()
    value = {"list": [leaf, {"deep": leaf}], "tuple": (1, [leaf]), "plain": (1, 2)}
    made = copied(runtime, value)
    assert made == value
    assert made is not value
    assert made["list"] is not value["list"]
    assert made["list"][1] is not value["list"][1]
    assert made["tuple"][1] is not value["tuple"][1]
    assert made["plain"] is value["plain"]
    assert made["list"][0] is leaf
    assert made["tuple"][1][0] is leaf


def test_aliases_and_cycles_stay_what_they_are(runtime):
    shared = [1]
    value = {"a": shared, "b": (shared, shared)}
    value["self"] = value
    made = copied(runtime, value)
    assert made["self"] is made
    assert made["a"] is made["b"][0] is made["b"][1]
    assert made["a"] is not shared


def test_subclasses_keep_their_class(runtime):
    pair = namedtuple("pair", "left right")
    value = {"ordered": OrderedDict(b=[1], a=[2]), "pair": pair([3], 4)}
    made = copied(runtime, value)
    assert type(made["ordered"]) is OrderedDict
    assert list(made["ordered"].items()) == [("b", [1]), ("a", [2])]
    assert made["ordered"]["b"] is not value["ordered"]["b"]
    assert type(made["pair"]) is pair
    assert made["pair"].left is not value["pair"].left


def test_a_payload_may_be_nested_as_deeply_as_it_likes(runtime):
    value = []
    for _ in range(200_000):
        value = [value]
    made = copied(runtime, value)
    assert made is not value
    while value:  # Taken apart here: dropping it would recurse in the interpreter.
        value, made = value[0], made[0]


def test_without_an_intercept_the_callers_own_object_goes_through(runtime):
    value = {"a": [1]}
    assert runtime.tool_execute_sync("tool", value, lambda args: args) is value


def test_observers_get_no_credentials_and_the_target_all(runtime, log):
    headers = {"Authorization": "secret", "X-Api-Key": "secret", "accept": "*/*"}
    request = LLMRequest(headers, {"q": "x"})
    seen = []

    def sanitizer(observed):
        seen.append(dict(observed.headers))
        observed.headers["Cookie"] = "secret"
        observed.content["q"] = "y"
        return observed

    runtime.register_llm_sanitize_request_guardrail("s", 1, sanitizer)
    assert runtime.llm_execute_sync("gpt", request, lambda given: given) is request
    assert seen == [{"accept": "*/*"}]
    assert log.start("gpt").data == {"content": {"q": "y"}, "headers": {"accept": "*/*"}}
    assert headers == {"Authorization": "secret", "X-Api-Key": "secret", "accept": "*/*"}
    assert request.content == {"q": "x"}


# --- What intercepts return (S3.11) ---


def annotated_seen(runtime):
    """What a second LLM intercept gets as the annotated form."""
    seen = []

    def look(name, request, annotated):
        seen.append(annotated)
        return request

    runtime.register_llm_request_intercept("look", 9, False, look)
    return seen


NEW = LLMRequest({}, {"new": True})
SHAPES = {
    "request": lambda: NEW,
    "pair": lambda: (NEW, {"annotated": 1}),
    "outcome": lambda: LLMRequestInterceptOutcome(NEW, {"annotated": 1}, [PendingMarkSpec("m")]),
    "look-alike": lambda: SimpleNamespace(
        request=NEW,
        annotated_request={"annotated": 1},
        pending_marks=[SimpleNamespace(name="m", data=None, metadata=None)],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_llm_request_intercept_may_answer_in_the_old_and_the_new_way(runtime, log, shape):
    seen = annotated_seen(runtime)
    runtime.register_llm_request_intercept("i", 1, False, lambda n, r, a: SHAPES[shape]())
    assert runtime.llm_execute_sync("gpt", LLMRequest({}, {}), lambda request: request) is NEW
    assert seen == [None if shape == "request" else {"annotated": 1}]
    marks = [event.name for event in log.events if event.kind == "mark"]
    assert marks == ([] if shape in ("request", "pair") else ["m"])


@pytest.mark.parametrize("wrong", [{"headers": {}, "content": {}}, 1, (1, 2), ()])
def test_what_is_no_request_is_refused_by_name(runtime, wrong):
    runtime.register_llm_request_intercept("mine", 1, False, lambda n, r, a: wrong)
    with pytest.raises(InvalidArgument, match="'mine' returned no LLM request for 'gpt'"):
        runtime.llm_execute_sync("gpt", LLMRequest({}, {}), str)


def test_a_forgotten_return_is_refused_by_name(runtime):
    runtime.register_tool_request_intercept("mine", 1, False, lambda name, args: None)
    with pytest.raises(InvalidArgument, match="'mine' returned nothing for 'tool'"):
        runtime.tool_execute_sync("tool", 1, str)
    assert runtime.tool_execute_sync("tool", None, str) == "None"


def test_marks_with_a_wrong_name_fail_the_call(runtime):
    outcome = SimpleNamespace(request=NEW, pending_marks=[SimpleNamespace(name=1)])
    runtime.register_llm_request_intercept("i", 1, False, lambda n, r, a: outcome)
    with pytest.raises(AttributeError):
        runtime.llm_execute_sync("gpt", LLMRequest({}, {}), str)
    with pytest.raises(TypeError, match="name must be str"):
        PendingMarkSpec(1)


def test_an_execution_intercepts_own_object_is_the_result(runtime):
    result = object()
    runtime.register_tool_execution_intercept("e", 1, lambda n, a, next: InterceptOutcome(result))
    assert runtime.tool_execute_sync("tool", 1, str) is result
    outcome = InterceptOutcome(1)
    runtime.deregister_tool_execution_intercept("e")
    assert runtime.tool_execute_sync("tool", 1, lambda args: outcome) is outcome


# --- next (S3.7) ---


def test_nexts_may_run_at_the_same_time(runtime, log):
    async def main():
        async def twice(name, args, next):
            return await asyncio.gather(next(args + 1), next(args + 2))

        async def target(args):
            await asyncio.sleep(0)
            runtime.scope_event(f"inside {args}")
            return args

        runtime.register_tool_execution_intercept("twice", 1, twice)
        return await runtime.tool_execute("tool", 0, target)

    assert asyncio.run(main()) == [1, 2]
    call = log.start("tool").uuid
    marks = [event for event in log.events if event.kind == "mark"]
    assert [mark.parent_uuid for mark in marks] == [call] * 4
    assert sorted(mark.name for mark in marks) == ["attempt", "attempt", "inside 1", "inside 2"]


@pytest.mark.parametrize("ending", ["returned", "raised", "cancelled"])
def test_next_works_no_longer_once_its_intercept_is_over(runtime, ending):
    kept = []

    async def main():
        async def intercept(name, args, next):
            kept.append(next)
            if ending == "raised":
                raise ValueError
            if ending == "cancelled":
                raise asyncio.CancelledError
            return await next(args)

        runtime.register_tool_execution_intercept("mine", 1, intercept)

        async def target(args):
            return args

        try:
            await runtime.tool_execute("tool", 1, target)
        except (ValueError, asyncio.CancelledError):
            pass
        text = "invalid argument: the execution continuation of 'mine' is no longer active"
        with pytest.raises(InvalidArgument) as late:
            await kept[0](1)
        assert str(late.value) == text

    asyncio.run(main())


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda next: next(2), 2),
        (lambda next: next(request=3), 3),
        (lambda next: next.__call__(4), 4),
        (lambda next: functools.partial(next, 6)(), 6),
        (lambda next: [*map(next, [7])], [7]),
    ],
)
def test_next_may_be_called_in_every_way(runtime, call, expected):
    runtime.register_tool_execution_intercept("mine", 1, lambda name, args, next: call(next))
    assert runtime.tool_execute_sync("tool", 1, lambda args: args) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda next: next(),
        lambda next: next(1, 2),
        lambda next: next(args=1),
        lambda next: next(1, request=1),
    ],
)
def test_next_takes_a_request_and_nothing_else(runtime, call):
    runtime.register_tool_execution_intercept("mine", 1, lambda name, args, next: call(next))
    with pytest.raises(TypeError, match=r"__call__|argument"):
        runtime.tool_execute_sync("tool", 1, lambda args: args)


def test_next_of_a_call_that_was_dropped_is_over_too(runtime, log):
    kept = []

    class Pause:
        def __await__(self):
            yield

    async def intercept(name, args, next):
        kept.append(next)
        await Pause()

    runtime.register_tool_execution_intercept("mine", 1, intercept)
    call = runtime.tool_execute("tool", 1, str)
    call.send(None)
    del call
    with pytest.raises(InvalidArgument, match="of 'mine' is no longer active"):
        kept[0](1)
    runtime.runtime_flush()
    assert log.end("tool").metadata["error.type"] == "abandoned"


def test_next_that_is_awaited_too_late_is_refused(runtime):
    kept = []

    async def intercept(name, args, next):
        kept.append(next(args))
        return 1

    runtime.register_tool_execution_intercept("mine", 1, intercept)
    assert run(runtime.tool_execute("tool", 1, str)) == 1
    with pytest.raises(InvalidArgument, match="no longer active"):
        kept[0].send(None)


def test_in_a_sync_call_next_gives_the_result(runtime):
    runtime.register_tool_execution_intercept("e", 1, lambda name, args, next: next(args) + "!")
    assert runtime.tool_execute_sync("tool", 1, str) == "1!"


def test_a_sync_intercept_of_an_async_call_may_pass_the_awaitable_on(runtime):
    runtime.register_tool_execution_intercept("e", 1, lambda name, args, next: next(args))
    assert run(runtime.tool_execute("tool", 1, str)) == "1"


@pytest.mark.parametrize("names", [("request",), ("name", "request")])
def test_a_stream_intercept_may_be_written_in_both_ways(runtime, names):
    class Old:
        def intercept(self, request, next):
            return next(request)

    def new(name, request, next):
        assert name == "gpt"
        return next(request)

    fn = Old().intercept if len(names) == 1 else new
    runtime.register_llm_stream_execution_intercept("i", 1, functools.partial(fn))
    stream = runtime.llm_stream_execute_sync("gpt", LLMRequest({}, {}), lambda r: iter("ab"))
    assert list(stream) == ["a", "b"]


# --- Context (S3.9) ---


def contexts_of(runtime, register, call):
    """The context that a callable of each shape gets."""
    seen = []

    def plain(*arguments, context):
        seen.append(context)
        return arguments[-1]

    class Callable:
        def __call__(self, *arguments, context=None):
            return plain(*arguments, context=context)

        def method(self, *arguments, context):
            return plain(*arguments, context=context)

    shapes = (plain, Callable(), Callable().method, functools.partial(plain))
    for number, shape in enumerate(shapes):
        register(str(number), shape)
    call()
    return seen


def test_a_callback_of_any_shape_gets_the_context_that_it_asks_for(runtime):
    with runtime.scope_push("outer", ScopeType.Agent) as outer:
        contexts = contexts_of(
            runtime,
            lambda name, shape: runtime.register_tool_request_intercept(name, 1, False, shape),
            lambda: runtime.tool_execute_sync("tool", {"a": 1}, str, tool_call_id="call_1"),
        )
    assert len(contexts) == 4
    for context in contexts:
        assert context.target == "tool"
        assert context.tool_call_id == "call_1"
        assert context.model_name is None
        assert context.scope is outer


def test_an_execution_intercept_sees_the_calls_own_span(runtime, log):
    seen = []

    def intercept(name, request, next, *, context):
        seen.append((context.scope, context.model_name, runtime.get_handle()))
        return next(request)

    runtime.register_llm_execution_intercept("i", 1, intercept)
    runtime.llm_execute_sync("gpt", LLMRequest({}, {}), str, model_name="gpt-5")
    ((scope, model, current),) = seen
    assert scope is current
    assert scope.uuid == log.start("gpt").uuid
    assert model == scope.model_name == "gpt-5"
    assert scope.attributes == scopeflow.LLMAttributes(0)


def test_a_sanitizer_of_a_start_sees_the_scope_that_starts(runtime, log):
    seen = []

    def sanitizer(event, fields, *, context):
        seen.append(context.scope)
        return fields

    runtime.register_scope_sanitize_start_guardrail("s", 1, sanitizer)
    with runtime.scope_push("scope", ScopeType.Agent, metadata={"a": 1}) as handle:
        assert seen[0].uuid == handle.uuid
        assert seen[0].is_open
    assert not seen[0].is_open
    assert log.end("scope").metadata["a"] == 1


def test_a_keyword_that_a_partial_gives_is_not_given_again(runtime):
    def guard(name, args, *, context):
        return context

    runtime.register_tool_conditional_execution_guardrail(
        "g", 1, functools.partial(guard, context="refused")
    )
    with pytest.raises(scopeflow.GuardrailRejected, match="refused"):
        runtime.tool_execute_sync("tool", 1, str)


# --- Async where nothing can be awaited (S3.8) ---


@pytest.mark.parametrize(
    "kind",
    [
        "tool_conditional_execution_guardrail",
        "tool_request_intercept",
        "tool_execution_intercept",
    ],
)
def test_a_sync_call_refuses_what_is_declared_async_before_anything_is_told(runtime, log, kind):
    async def callback(*arguments):
        raise AssertionError("it must not be called")

    breaks = (False,) if kind.endswith("request_intercept") else ()
    getattr(runtime, f"register_{kind}")("late", 1, *breaks, callback)
    with pytest.raises(InvalidState, match="'late' is async"):
        runtime.tool_execute_sync("tool", 1, str)
    assert log.events == []


def test_an_async_sanitizer_fails_where_nothing_can_be_awaited(runtime, log, caplog):
    async def sanitizer(*arguments):
        raise AssertionError("it must not be called")

    runtime.register_tool_sanitize_request_guardrail("late", 1, sanitizer)
    runtime.register_scope_sanitize_end_guardrail("later", 1, sanitizer)
    with caplog.at_level(logging.ERROR, "scopeflow"):
        assert runtime.tool_execute_sync("tool", 1, str) == "1"
    assert log.start("tool").data is None
    assert log.start("tool").metadata["sanitize.failed"] == "late"
    assert log.end("tool").metadata["sanitize.failed"] == "later"
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_an_awaitable_that_turns_up_is_closed(runtime, log, recwarn):
    async def later():
        raise AssertionError("it must not run")

    runtime.register_tool_request_intercept("lazy", 1, False, lambda name, args: later())
    with pytest.raises(InvalidState, match="'lazy' returned an awaitable"):
        runtime.tool_execute_sync("tool", 1, str)
    runtime.deregister_tool_request_intercept("lazy")
    runtime.register_tool_execution_intercept("lazy", 1, lambda name, args, next: later())
    with pytest.raises(InvalidState, match="'lazy' returned an awaitable"):
        runtime.tool_execute_sync("tool", 1, str)
    runtime.deregister_tool_execution_intercept("lazy")
    runtime.register_mark_sanitize_guardrail("lazy", 1, lambda event, fields: later())
    runtime.scope_event("mark", data=1)
    assert log.named("mark").data is None
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


# --- What is told of failures (S5.7) ---


def test_what_only_observers_lose_by_is_logged_with_its_exception(runtime, log, caplog):
    def broken(*arguments):
        raise ValueError("out of ink")

    runtime.register_tool_sanitize_request_guardrail("broken", 1, broken)
    runtime.register_event_metadata_injector("broken", 1, broken)
    with caplog.at_level(logging.WARNING, "scopeflow"):
        assert runtime.tool_execute_sync("tool", {"a": 1}, str) == "{'a': 1}"
    texts = [record.getMessage() for record in caplog.records]
    assert texts[0] == ("tool sanitize-request guardrail 'broken' failed: ValueError: out of ink")
    assert texts[1] == "metadata injector 'broken' failed: ValueError: out of ink"
    for record in caplog.records:
        assert isinstance(record.exc_info[1], ValueError)
    assert runtime.last_errors() == [texts[2], texts[1], texts[0]]
    assert runtime.stats().withheld_payload_count == 1


def test_a_guards_error_has_a_note_and_is_not_logged(runtime, caplog):
    def broken(*arguments):
        raise ValueError

    runtime.register_tool_request_intercept("broken", 1, False, broken)
    with pytest.raises(ValueError) as caught:
        runtime.tool_execute_sync("tool", 1, str)
    assert caught.value.__notes__ == ["tool request intercept 'broken' callable failed for 'tool'"]
    assert caplog.records == []


# --- Codecs ---


def test_a_codec_is_told_by_its_methods(runtime):
    request = LLMRequest({}, {})
    with pytest.raises(TypeError, match="codec must have a method decode; object has none"):
        runtime.llm_execute("gpt", request, str, codec=object())
    with pytest.raises(TypeError, match="response_codec must have a method decode_response"):
        runtime.llm_call_end(runtime.llm_call("gpt", request), 1, response_codec=object())


# --- Close (S6.1) ---


def test_a_closed_runtime_refuses_what_would_emit(runtime, log):
    handle = runtime.scope_push("left open", ScopeType.Agent)
    runtime.close()
    runtime.close()
    assert log.end("left open").metadata["error.type"] == "abandoned"
    assert not handle.is_open
    with pytest.raises(InvalidState, match="the runtime is closed"):
        runtime.scope_event("mark")
    with pytest.raises(InvalidState, match="the runtime is closed"):
        runtime.tool_execute_sync("tool", 1, str)
