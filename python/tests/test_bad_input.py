"""Bad input: callbacks, codecs and handles that are not what they should be. Who gave it is told
what is wrong and where, with the name of the registration (S7.2), and nothing else suffers."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading

import pytest

from scopeflow import (
    AnnotatedLLMRequest,
    InvalidArgument,
    InvalidState,
    LLMRequest,
    NotFound,
    Runtime,
    ScopeType,
)

AGENT = ScopeType.Agent

# Registry -> what it is called in texts.
GUARDS = {
    "tool_conditional_execution_guardrail": "tool conditional-execution guardrail",
    "llm_conditional_execution_guardrail": "LLM conditional-execution guardrail",
}
REQUEST_INTERCEPTS = {
    "tool_request_intercept": "tool request intercept",
    "llm_request_intercept": "LLM request intercept",
}
SANITIZERS = {
    "tool_sanitize_request_guardrail": "tool sanitize-request guardrail",
    "tool_sanitize_response_guardrail": "tool sanitize-response guardrail",
    "llm_sanitize_request_guardrail": "LLM sanitize-request guardrail",
    "llm_sanitize_response_guardrail": "LLM sanitize-response guardrail",
    "mark_sanitize_guardrail": "mark sanitizer",
    "scope_sanitize_start_guardrail": "scope-start sanitizer",
    "scope_sanitize_end_guardrail": "scope-end sanitizer",
}
OBSERVERS = {
    "event_metadata_injector": "metadata injector",
    "subscriber": "subscriber",
    "conditional_middleware_guardrail": "conditional-middleware gate",
}
EXECUTION_INTERCEPTS = {
    "tool_execution_intercept": "tool execution intercept",
    "llm_execution_intercept": "LLM execution intercept",
    "llm_stream_execution_intercept": "LLM stream execution intercept",
}
# Those whose error comes out of the call; that of the others is logged.
FOR_THE_CALL = {**GUARDS, **REQUEST_INTERCEPTS, **EXECUTION_INTERCEPTS}
FOR_OBSERVERS = {**SANITIZERS, **OBSERVERS}
REGISTRIES = {**FOR_THE_CALL, **FOR_OBSERVERS}


def register(runtime, registry, fn, name="mine"):
    operation = getattr(runtime, f"register_{registry}")
    if registry == "subscriber":
        operation(name, fn)
    elif registry.endswith("request_intercept"):
        operation(name, 1, False, fn)
    elif registry == "conditional_middleware_guardrail":
        gated = ["tool_conditional_execution_guardrail"]
        runtime.register_tool_conditional_execution_guardrail("gated", 1, lambda *given: None)
        operation(name, gated, "gated", fn)
    else:
        operation(name, 1, fn)


def call(runtime, registry):
    """A call that uses the registry."""

    def target(request):
        runtime.scope_event("inside", data={"mark": 1})
        return {"answer": 1}

    if "stream" in registry:
        request = LLMRequest({}, {"q": 1})
        with runtime.llm_stream_execute_sync("work", request, lambda request: iter("ab")) as stream:
            return list(stream)
    if registry.startswith("llm"):
        return runtime.llm_execute_sync("work", LLMRequest({}, {"q": 1}), target)
    return runtime.tool_execute_sync("work", {"q": 1}, target)


async def call_async(runtime, registry):
    async def target(request):
        runtime.scope_event("inside", data={"mark": 1})
        return {"answer": 1}

    async def produce(request):
        for chunk in "ab":
            yield chunk

    if "stream" in registry:
        opening = runtime.llm_stream_execute("work", LLMRequest({}, {"q": 1}), produce)
        async with await opening as stream:
            return [chunk async for chunk in stream]
    if registry.startswith("llm"):
        return await runtime.llm_execute("work", LLMRequest({}, {"q": 1}), target)
    return await runtime.tool_execute("work", {"q": 1}, target)


def drive(waiting):
    """What a coroutine comes to that waits for nothing."""
    try:
        waiting.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def answer_of(registry):
    return ["a", "b"] if "stream" in registry else {"answer": 1}


def failed_by_mine(log):
    """The events whose payload was withheld because of the registration."""
    return [e for e in log.events if (e.metadata or {}).get("sanitize.failed") == "mine"]


def check_pairs(log):
    """S4.3."""
    scopes = [(event.uuid, event.scope_category) for event in log.events if event.kind == "scope"]
    assert sorted(set(scopes)) == sorted(scopes)
    assert {uuid for uuid, _ in scopes} == {uuid for uuid, which in scopes if which == "end"}


# --- Callbacks ---


@pytest.mark.parametrize("registry", REGISTRIES)
def test_what_cannot_be_called_is_refused_and_leaves_the_name_free(runtime, registry):
    with pytest.raises(TypeError, match="must be callable, not int"):
        register(runtime, registry, 7)
    runtime.deregister_tool_conditional_execution_guardrail("gated")
    register(runtime, registry, lambda *given: given[-1])


@pytest.mark.parametrize("registry", {**GUARDS, **REQUEST_INTERCEPTS})
def test_a_wrong_arity_fails_the_call_by_name(runtime, log, registry):
    register(runtime, registry, lambda: None)
    with pytest.raises(TypeError, match="takes 0 positional arguments but") as caught:
        call(runtime, registry)
    assert caught.value.__notes__ == [f"{REGISTRIES[registry]} 'mine' callable failed for 'work'"]
    (mark,) = log.events
    assert mark.data["registration"] == "mine"
    assert mark.data["error"]["type"] == "TypeError"


@pytest.mark.parametrize("registry", EXECUTION_INTERCEPTS)
def test_an_execution_intercept_of_a_wrong_arity_fails_the_call(runtime, log, registry):
    register(runtime, registry, lambda: None)
    with pytest.raises(TypeError, match="takes 0 positional arguments but"):
        call(runtime, registry)
    assert log.end("work").metadata["exception.type"] == "TypeError"


@pytest.mark.parametrize("registry", FOR_OBSERVERS)
def test_a_wrong_arity_is_logged_by_name_where_only_observers_lose(runtime, log, caplog, registry):
    register(runtime, registry, lambda: None)
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
    with pytest.raises(InvalidArgument, match="'work' gave NoneType, which has no __next__"):
        call(runtime, "llm_stream_execution_intercept")
    check_pairs(log)


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


# --- Codecs ---


class Codec:
    """A codec that works, but for the methods that are given."""

    def __init__(self, **methods):
        self.__dict__.update(methods)

    def decode(self, request):
        return AnnotatedLLMRequest(messages=[{"role": "user", "content": "hi"}])

    def encode(self, annotated, request):
        return request

    def decode_response(self, response):
        return {"text": "hi"}


def edit(name, request, annotated):
    return request, AnnotatedLLMRequest(messages=[])


def ask(runtime, **codecs):
    return runtime.llm_execute_sync("ask", LLMRequest({}, {"q": 1}), lambda r: {"a": 1}, **codecs)


def broken(*given):
    raise ValueError("broken")


@pytest.mark.parametrize("method", ["decode", "encode"])
def test_a_request_codec_that_fails(runtime, log, method):
    register(runtime, "llm_request_intercept", edit)
    with pytest.raises(ValueError, match="broken") as caught:
        ask(runtime, codec=Codec(**{method: broken}))
    assert caught.value.__notes__ == ["the codec callable failed for 'ask'"]
    (mark,) = log.events
    assert (mark.data["step"], mark.data["error"]["message"]) == ("codec", "broken")


@pytest.mark.parametrize("wrong", [None, object(), {}])
def test_a_request_codec_that_encodes_no_request(runtime, log, wrong):
    register(runtime, "llm_request_intercept", edit)
    with pytest.raises(InvalidArgument, match="the codec returned no LLM request for 'ask'"):
        ask(runtime, codec=Codec(encode=lambda annotated, request: wrong))
    assert [event.kind for event in log.events] == ["mark"]


def test_a_response_codec_that_fails_is_an_observers_loss(runtime, log, caplog):
    assert ask(runtime, response_codec=Codec(decode_response=broken)) == {"a": 1}
    end = log.end("ask")
    assert end.metadata["codec.failed"] is True
    assert end.data == {"a": 1}
    assert "the codec for 'ask' failed: ValueError: broken" in caplog.text


@pytest.mark.parametrize("wrong", [7, object(), "text"])
def test_an_annotation_that_is_no_object_is_left_out(runtime, log, wrong):
    codec = Codec(decode=lambda request: wrong, decode_response=lambda response: wrong)
    assert ask(runtime, codec=codec, response_codec=codec) == {"a": 1}
    for event in (log.start("ask"), log.end("ask")):
        assert event.metadata["codec.failed"] is True
        assert event.category_profile == {}


@pytest.mark.parametrize(
    ("codecs", "text"),
    [
        ({"codec": 7}, "codec must have a method decode; int has none"),
        ({"codec": object()}, "codec must have a method decode; object has none"),
        ({"codec": Codec(encode=7)}, "codec must have a method encode; Codec has none"),
        ({"response_codec": 7}, "response_codec must have a method decode_response; int has none"),
    ],
)
def test_what_is_no_codec_is_told_before_anything_happens(runtime, log, codecs, text):
    with pytest.raises(TypeError, match=text):
        ask(runtime, **codecs)
    assert log.events == []


# --- Handles ---


class Opened:
    """One of everything that can be held, on a runtime."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.scope = runtime.scope_push("scope", AGENT)
        self.tool = runtime.tool_call("tool", 1)
        self.llm = runtime.llm_call("llm", LLMRequest({}, {}))
        self.stream = runtime.llm_stream_execute_sync(
            "stream", LLMRequest({}, {}), lambda request: iter("abc")
        )
        next(self.stream)

    def close(self):
        for handle in (self.stream, self.llm, self.tool, self.scope):
            handle.close()


NEEDS_AN_OPEN_HANDLE = {
    "pop": lambda o: o.runtime.scope_pop(o.scope),
    "tool end": lambda o: o.runtime.tool_call_end(o.tool, 1),
    "llm end": lambda o: o.runtime.llm_call_end(o.llm, 1),
    "register": lambda o: o.runtime.scope_register_subscriber(o.scope, "s", print),
    "open below": lambda o: o.runtime.scope_push("x", AGENT, handle=o.scope),
    "mark below": lambda o: o.runtime.scope_event("x", handle=o.scope),
    "call below": lambda o: o.runtime.tool_execute_sync("x", 1, str, handle=o.scope),
}
NEEDS_AN_OPEN_RUNTIME = {
    **NEEDS_AN_OPEN_HANDLE,
    "open": lambda o: o.runtime.scope_push("x", AGENT),
    "with": lambda o: o.runtime.scope("x", AGENT).__enter__(),
    "mark": lambda o: o.runtime.scope_event("x"),
    "call": lambda o: o.runtime.tool_execute_sync("x", 1, str),
    "async call": lambda o: o.runtime.tool_execute("x", 1, str).send(None),
    "stream": lambda o: o.runtime.llm_stream_execute_sync("x", LLMRequest({}, {}), iter),
    "guards": lambda o: o.runtime.tool_conditional_execution_sync("x", 1),
    "intercepts": lambda o: o.runtime.tool_request_intercepts_sync("x", 1),
    "register for all": lambda o: o.runtime.register_subscriber("s", print),
}


@pytest.mark.parametrize("operation", NEEDS_AN_OPEN_HANDLE)
def test_an_ended_handle_is_refused_by_name(runtime, log, operation):
    opened = Opened(runtime)
    opened.close()
    log.events.clear()
    with pytest.raises(
        (NotFound, InvalidArgument), match=r"'(scope|tool|llm)' has (already )?ended"
    ):
        NEEDS_AN_OPEN_HANDLE[operation](opened)
    opened.close()
    assert list(opened.stream) == []
    assert log.events == []


@pytest.mark.parametrize("operation", NEEDS_AN_OPEN_RUNTIME)
def test_a_closed_runtime_is_told(runtime, log, operation):
    opened = Opened(runtime)
    runtime.close()
    check_pairs(log)
    log.events.clear()
    with pytest.raises(InvalidState, match="the runtime is closed"):
        NEEDS_AN_OPEN_RUNTIME[operation](opened)
    opened.close()
    runtime.close()
    assert log.events == []
    # What was is known still.
    assert opened.scope.name == "scope"
    assert runtime.stats().scope_event_count == 8
    assert runtime.deregister_subscriber("log")


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (
            lambda r, o: r.tool_call_end(o.scope, 1),
            "not that of a tool call that was begun by hand",
        ),
        (lambda r, o: r.llm_call_end(o.tool, 1), "not that of an LLM call that was begun by hand"),
        (
            lambda r, o: r.scope_push("x", AGENT, handle=o.scope),
            "'scope' belongs to another runtime",
        ),
    ],
)
def test_a_handle_of_another_kind_or_runtime_is_refused(operation, text):
    opened = Opened(Runtime())
    with pytest.raises(InvalidArgument, match=text):
        operation(Runtime(), opened)
    assert "open" in repr(opened.scope)
    opened.close()


# --- Threads ---

THREAD_COUNT = 8
ROUND_COUNT = 300


def neutral(registry):
    """A callback that changes nothing."""
    if registry == "subscriber":
        return lambda event: None
    if registry == "event_metadata_injector":
        return lambda event: {}
    if registry.endswith("execution_intercept"):
        return lambda *given: given[-1](given[-2])
    if registry in GUARDS or registry == "conditional_middleware_guardrail":
        return lambda *given: None
    if registry == "llm_request_intercept":
        return lambda name, request, annotated: request
    return lambda *given: given[-1]


def test_threads_register_while_they_call(runtime, log, caplog):
    """Every registry, for all and on scopes of their own; each call has the right result."""
    failures = []
    ready = threading.Barrier(THREAD_COUNT)
    registries = [name for name in REGISTRIES if name != "conditional_middleware_guardrail"]

    def work(number):
        ready.wait()
        for i in range(ROUND_COUNT):
            registry = registries[(number + i) % len(registries)]
            name = f"{number} {i}"
            register(runtime, registry, neutral(registry), name)
            with runtime.scope(name, AGENT) as handle:
                call(runtime, registry)
                on_scope = getattr(runtime, f"scope_register_{registry}")
                middle = [] if registry == "subscriber" else [1]
                middle += [False] if registry.endswith("request_intercept") else []
                on_scope(handle, name, *middle, neutral(registry))
                for asked in ("tool", "llm", "llm_stream"):
                    assert call(runtime, asked) == answer_of(asked)
            assert getattr(runtime, f"deregister_{registry}")(name)

    def run(number):
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREAD_COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    check_pairs(log)
    assert len(log.events) >= THREAD_COUNT * ROUND_COUNT * 9
    for registry in registries:
        for name in ("0 0", "7 299"):
            assert not getattr(runtime, f"deregister_{registry}")(name)
