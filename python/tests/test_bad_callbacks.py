"""Bad callbacks: what they are told that is wrong with them, with the name of their registration
(S7.2), and that nothing else suffers."""

from __future__ import annotations

import asyncio
import functools
import sys

import pytest
from every_registry import (
    EXECUTION_INTERCEPTS,
    FOR_OBSERVERS,
    GUARDS,
    REGISTRIES,
    REQUEST_INTERCEPTS,
    SANITIZERS,
    answer_of,
    call,
    call_async,
    check_pairs,
    drive,
    failed_by_mine,
    register,
)

from scopeflow import (
    InvalidArgument,
    LLMRequest,
)

# --- Callbacks ---


class Taking:
    """Callables whose first parameter is bound."""

    def one(self, name):
        return None

    def two(self, name, request):
        return request

    @classmethod
    def two_of_class(cls, name, request):
        return request

    def __call__(self, name):
        return None


def hiding(function):
    return lambda *given: function(*given)


@pytest.mark.parametrize("registry", REGISTRIES)
def test_what_cannot_be_called_is_refused_and_leaves_the_name_free(runtime, registry):
    with pytest.raises(TypeError, match="must be callable, not int"):
        register(runtime, registry, 7)
    runtime.deregister_tool_conditional_execution_guardrail("gated")
    register(runtime, registry, lambda *given: given[-1])


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_wrong_arity_is_refused_by_name(runtime, registry):
    with pytest.raises(TypeError) as caught:
        register(runtime, registry, lambda: None)
    before, after = str(caught.value).split(" is called with (")
    assert before == f"{REGISTRIES[registry]} 'mine'"
    assert after.endswith("), but <lambda> takes ()")
    assert not runtime.registrations() or runtime.registrations()[0].name == "gated"


@pytest.mark.parametrize(
    "broken",
    [
        lambda name: None,
        lambda name, request, more: None,
        lambda name, request, *, more: None,
        functools.partial(lambda name, request: None, "x"),
        Taking().one,
        Taking(),
    ],
)
def test_a_wrong_arity_is_seen_behind_methods_and_partials(runtime, broken):
    with pytest.raises(TypeError, match=r"'mine' is called with \(name, request\), but"):
        runtime.register_tool_request_intercept("mine", 1, False, broken)


@pytest.mark.parametrize(
    "fitting",
    [
        lambda name, request: None,
        lambda name, request, more=1: None,
        lambda name, request=None, *, context: None,
        lambda *given: None,
        lambda name, *given, more=1, **named: None,
        functools.partial(lambda more, name, request: None, "x"),
        functools.partial(lambda name, request, more: None, more=1),
        Taking().two,
        Taking.two_of_class,
        print,
        dict,
    ],
)
def test_what_fits_in_any_way_is_taken(runtime, fitting):
    runtime.register_tool_request_intercept("mine", 1, False, fitting)


# What hides its parameters is found out when it is called.


@pytest.mark.parametrize("registry", {**GUARDS, **REQUEST_INTERCEPTS})
def test_a_hidden_wrong_arity_fails_the_call_by_name(runtime, log, registry):
    register(runtime, registry, hiding(lambda: None))
    with pytest.raises(TypeError, match="takes 0 positional arguments but") as caught:
        call(runtime, registry)
    assert caught.value.__notes__ == [f"{REGISTRIES[registry]} 'mine' callable failed for 'work'"]
    (mark,) = log.events
    assert mark.data["registration"] == "mine"
    assert mark.data["error"]["type"] == "TypeError"


@pytest.mark.parametrize("registry", EXECUTION_INTERCEPTS)
def test_an_execution_intercept_of_a_hidden_wrong_arity_fails_the_call(runtime, log, registry):
    register(runtime, registry, hiding(lambda: None))
    with pytest.raises(TypeError, match="takes 0 positional arguments but"):
        call(runtime, registry)
    assert log.end("work").metadata["exception.type"] == "TypeError"


@pytest.mark.parametrize("registry", FOR_OBSERVERS)
def test_a_hidden_wrong_arity_is_logged_by_name(runtime, log, caplog, registry):
    register(runtime, registry, hiding(lambda: None))
    assert call(runtime, registry) == {"answer": 1}
    assert {record.message.split(":")[0] for record in caplog.records} == {
        f"{REGISTRIES[registry]} 'mine' failed"
    }
    assert "takes 0 positional arguments but" in caplog.text
    for event in failed_by_mine(log):
        assert event.data is None
    assert bool(failed_by_mine(log)) == (registry in SANITIZERS)
    check_pairs(log)


@pytest.mark.parametrize(
    ("wrong", "text"), [(None, "returned nothing"), (object(), "returned no (JSON value|LLM req)")]
)
@pytest.mark.parametrize("registry", REQUEST_INTERCEPTS)
def test_what_no_request_intercept_may_return_is_refused_by_name(
    runtime, log, registry, wrong, text
):
    register(runtime, registry, lambda *given: wrong)
    with pytest.raises(InvalidArgument, match=f"{REGISTRIES[registry]} 'mine' {text}"):
        call(runtime, registry)
    assert log.events[0].data["registration"] == "mine"


@pytest.mark.parametrize("wrong", [None, object(), "text", 7])
@pytest.mark.parametrize("registry", SANITIZERS)
def test_what_no_sanitizer_may_return_withholds_the_payload(runtime, log, caplog, registry, wrong):
    # Any JSON value may stand for a tool's arguments, or for an answer.
    is_fine = wrong in ("text", 7) and registry.startswith(("tool", "llm_sanitize_response"))
    register(runtime, registry, lambda *given: wrong)
    assert call(runtime, registry) == {"answer": 1}
    failed = failed_by_mine(log)
    assert bool(failed) != is_fine
    assert all(event.data is None for event in failed)
    assert (f"{REGISTRIES[registry]} 'mine' failed" in caplog.text) != is_fine


@pytest.mark.parametrize("wrong", [None, object(), "text", ["a"]])
def test_an_injector_that_returns_no_object_is_passed_over(runtime, log, caplog, wrong):
    register(runtime, "event_metadata_injector", lambda event: wrong)
    runtime.scope_event("m", metadata={"own": 1})
    assert log.events[0].metadata == {"own": 1}
    assert "metadata injector 'mine' failed" in caplog.text


@pytest.mark.parametrize("wrong", [7, object(), ["reason"], b"reason"])
@pytest.mark.parametrize("registry", GUARDS)
def test_a_reason_that_is_no_text_is_refused_by_name(runtime, log, registry, wrong):
    register(runtime, registry, lambda *given: wrong)
    text = f"{REGISTRIES[registry]} 'mine' returned {type(wrong).__name__} for 'work'; expected str"
    with pytest.raises(InvalidArgument, match=text):
        call(runtime, registry)
    assert [event.kind for event in log.events] == ["mark"]


@pytest.mark.parametrize("wrong", [7, object(), ["reason"]])
def test_a_gate_that_answers_wrongly_leaves_the_registration_on(runtime, log, caplog, wrong):
    asked = []
    register(runtime, "conditional_middleware_guardrail", lambda *given: wrong)
    runtime.deregister_tool_conditional_execution_guardrail("gated")
    runtime.register_tool_conditional_execution_guardrail("gated", 1, lambda *g: asked.append(g))
    assert call(runtime, "tool") == {"answer": 1}
    assert len(asked) == 1
    assert "'mine' failed: InvalidArgument: " in caplog.text


def test_a_stream_intercept_that_returns_nothing_is_told_at_the_first_step(runtime, log):
    register(runtime, "llm_stream_execution_intercept", lambda *given: None)
    register(runtime, "llm_stream_execution_intercept", lambda *given: given[-1](given[-2]), "in")
    text = "LLM stream execution intercept 'mine' of 'work' gave NoneType, which has no"
    with pytest.raises(InvalidArgument, match=f"{text} __next__"):
        call(runtime, "llm_stream_execution_intercept")
    with pytest.raises(InvalidArgument, match=f"{text} __anext__"):
        asyncio.run(call_async(runtime, "llm_stream_execution_intercept"))
    check_pairs(log)


def test_a_producer_behind_an_intercept_is_told_of_as_such(runtime):
    """The intercept that passes on what it got is named: it gave it."""
    register(runtime, "llm_stream_execution_intercept", lambda *given: given[-1](given[-2]))
    with (
        pytest.raises(InvalidArgument, match="'mine' of 'work' gave int, which has no __next__"),
        runtime.llm_stream_execute_sync("work", LLMRequest({}, 1), lambda request: 7) as stream,
    ):
        next(stream)


# --- Callbacks that raise ---


class Exit(BaseException):
    """Nobody else raises it."""


ERRORS = [
    ValueError("v"),
    StopIteration("s"),
    StopAsyncIteration("s"),
    RecursionError("r"),
    MemoryError("m"),
    GeneratorExit("g"),
    KeyboardInterrupt("k"),
    SystemExit("e"),
    asyncio.CancelledError("c"),
    Exit("x"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("registry", REGISTRIES)
def test_whatever_a_callback_raises(runtime, log, caplog, registry, error):
    """What is owed is delivered; all but the mere failure of an observer comes out."""
    error = type(error)(*error.args)

    def fail(*given):
        raise error

    register(runtime, registry, fail)
    if isinstance(error, Exception) and registry in FOR_OBSERVERS:
        assert call(runtime, registry) == answer_of(registry)
        assert f"'mine' failed: {type(error).__name__}: " in caplog.text
    else:
        with pytest.raises(type(error)) as caught:
            call(runtime, registry)
        assert caught.value is error
    check_pairs(log)
    assert runtime.get_handle() is runtime.runtime_root()
    goes_on(runtime, log, registry)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("is_declared_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("registry", REGISTRIES)
def test_whatever_a_callback_of_an_async_call_raises(
    runtime, log, caplog, registry, is_declared_async, error
):
    error = type(error)(*error.args)

    def fail(*given):
        raise error

    async def fail_later(*given):
        raise error

    if is_declared_async and registry in ("subscriber", "conditional_middleware_guardrail"):
        with pytest.raises(InvalidArgument, match="an async callable cannot be a"):
            register(runtime, registry, fail_later)
        return
    register(runtime, registry, fail_later if is_declared_async else fail)
    # Nobody awaits what sanitizes a mark (S3.8).
    is_run = not (is_declared_async and registry == "mark_sanitize_guardrail")
    if not is_run or (isinstance(error, Exception) and registry in FOR_OBSERVERS):
        assert drive(call_async(runtime, registry)) == answer_of(registry)
        assert "'mine' failed" in caplog.text
    else:
        with pytest.raises((type(error), RuntimeError)) as caught:
            drive(call_async(runtime, registry))
        # A coroutine cannot raise a StopIteration: the interpreter wraps it.
        assert error in (caught.value, caught.value.__cause__)
        assert caught.value is error or isinstance(error, (StopIteration, StopAsyncIteration))
    check_pairs(log)
    assert runtime.get_handle() is runtime.runtime_root()
    goes_on(runtime, log, registry)


def goes_on(runtime, log, registry):
    """The runtime still does its work without the registration."""
    assert getattr(runtime, f"deregister_{registry}")("mine")
    log.events.clear()
    assert call(runtime, registry) == answer_of(registry)
    check_pairs(log)
    assert log.end("work").metadata["otel.status_code"] == "OK"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("operation", ["tool", "llm"])
def test_whatever_a_target_raises(runtime, log, operation, error):
    error = type(error)(*error.args)

    def fail(request):
        raise error

    request = LLMRequest({}, {}) if operation == "llm" else 1
    with pytest.raises(type(error)) as caught:
        getattr(runtime, f"{operation}_execute_sync")("work", request, fail)
    assert caught.value is error
    metadata = log.end("work").metadata
    assert metadata["otel.status_code"] == "ERROR"
    assert metadata["exception.type"] == type(error).__name__
    check_pairs(log)


@pytest.mark.parametrize(
    "error",
    [error for error in ERRORS if not isinstance(error, StopAsyncIteration)],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("place", ["producer", "chunk", "collector", "finalizer"])
def test_whatever_a_stream_raises(runtime, log, place, error):
    error = type(error)(*error.args)

    def at(here):
        if place == here:
            raise error

    class Chunks:
        def __init__(self):
            self.count = 0

        def __iter__(self):
            return self

        def __next__(self):
            at("chunk")
            self.count += 1
            if self.count > 2:
                raise StopIteration
            return self.count

    def produce(request):
        at("producer")
        return Chunks()

    def consume():
        with runtime.llm_stream_execute_sync(
            "work",
            LLMRequest({}, {}),
            produce,
            lambda chunk: at("collector"),
            lambda: at("finalizer"),
        ) as stream:
            return list(stream)

    if place == "finalizer" and isinstance(error, Exception):
        assert consume() == [1, 2]
    elif isinstance(error, StopIteration) and place != "producer":
        assert consume() == []  # That is how an iterator says that it has ended.
    else:
        with pytest.raises((type(error), RuntimeError)) as caught:
            consume()
        assert error in (caught.value, caught.value.__cause__)
    check_pairs(log)


def test_a_group_of_exits_is_an_exit(runtime, log):
    if sys.version_info < (3, 11):
        pytest.skip("CPython 3.10 has no groups of exceptions")
    group = BaseExceptionGroup("g", [KeyboardInterrupt(), ValueError()])  # noqa: F821

    def fail(event):
        raise group

    runtime.register_subscriber("mine", fail)
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: F821
        runtime.scope_event("m")
    assert caught.value is group
    assert log.story() == ["mark m"]
