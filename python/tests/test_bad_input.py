"""Bad input: codecs and handles that are not what they should be, and too much at once. Who gave it
is told what is wrong and where (S7.2), and nothing else suffers."""

from __future__ import annotations

import logging
import sys
import threading

import pytest
from every_registry import (
    GUARDS,
    REGISTRIES,
    answer_of,
    call,
    check_pairs,
    register,
)

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
