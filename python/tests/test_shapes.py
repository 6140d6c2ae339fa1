"""Callbacks in the shapes of the newer Relay, beside those of NeMo Flow (S3.9)."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from scopeflow import (
    InvalidState,
    LlmExecutionContext,
    LLMRequest,
    LlmSanitizeRequestContext,
    LlmSanitizeResponseContext,
    PendingMarkSpec,
    ToolExecutionContext,
    ToolExecutionInterceptOutcome,
    ToolExecutionResult,
)

REQUEST = LLMRequest({}, {"q": 1})


class Codec:
    def decode(self, request):
        return {"of": request.content}

    def encode(self, annotated, request):
        return request

    def decode_response(self, response):
        return {"of": response}


# --- Tools ---


async def cached(args):
    return ToolExecutionResult({"got": args}, {"source": "cache"})


async def plain(args):
    return {"got": args}


def profile_of_end(log):
    return log.end("search").category_profile


def execute(runtime, function, **options):
    return asyncio.run(runtime.tool_execute("search", {"q": 1}, function, **options))


def test_a_result_with_an_annotation(runtime, log):
    result = execute(runtime, cached)
    assert result == ToolExecutionResult({"got": {"q": 1}}, {"source": "cache"})
    assert log.end("search").data == {"got": {"q": 1}}
    assert profile_of_end(log) == {"tool_result_annotation": {"source": "cache"}}


def test_sanitizers_see_the_result_alone(runtime, log):
    seen = []
    runtime.register_tool_sanitize_response_guardrail(
        "s", 0, lambda name, result: seen.append(result) or result
    )
    execute(runtime, cached)
    assert seen == [{"got": {"q": 1}}]
    assert profile_of_end(log) == {"tool_result_annotation": {"source": "cache"}}


def test_a_result_without_an_annotation(runtime, log):
    async def bare(args):
        return ToolExecutionResult(None)

    assert execute(runtime, bare).result is None
    assert log.end("search").data is None
    assert profile_of_end(log) == {}


def test_a_result_by_hand(runtime, log):
    call = runtime.tool_call("search", {})
    runtime.tool_call_end(call, ToolExecutionResult(5, "note"))
    assert log.end("search").data == 5
    assert profile_of_end(log) == {"tool_result_annotation": "note"}


def test_a_result_is_a_value():
    result = ToolExecutionResult([1], {"a": 2})
    assert pickle.loads(pickle.dumps(result)) == result
    assert repr(result) == "ToolExecutionResult(result=[1], annotation={'a': 2})"
    assert result != ToolExecutionResult([1])
    assert ToolExecutionResult[int] is ToolExecutionResult


async def passing(context, next):
    result = await next(context.args)
    return ToolExecutionInterceptOutcome(result.result, annotation=result.annotation)


@pytest.mark.parametrize("function", [plain, cached])
def test_a_tool_intercept_with_a_context(runtime, log, function):
    """What the caller gets is of the kind that the tool gives."""
    contexts = []

    async def intercept(context, next):
        contexts.append(context)
        return await passing(context, next)

    runtime.register_tool_execution_intercept("i", 0, intercept)
    expected = asyncio.run(function({"q": 1}))
    assert execute(runtime, function, tool_call_id="c1") == expected
    (context,) = contexts
    assert type(context) is ToolExecutionContext
    assert (context.tool_name, context.args, context.tool_call_id) == ("search", {"q": 1}, "c1")
    assert repr(context) == "ToolExecutionContext(tool_name='search', tool_call_id='c1')"
    assert log.end("search").data == {"got": {"q": 1}}


def test_an_annotation_of_an_intercept(runtime, log):
    """Also where the tool has none, and in the older shape."""

    async def older(name, args, next):
        return ToolExecutionInterceptOutcome(await next(args), annotation=[1])

    runtime.register_tool_execution_intercept("i", 0, older)
    assert execute(runtime, plain) == ToolExecutionResult({"got": {"q": 1}}, [1])
    assert profile_of_end(log) == {"tool_result_annotation": [1]}


def test_an_intercept_in_the_place_of_the_tool(runtime, log):
    marks = [PendingMarkSpec("hit", "custom", {"subtype": "cache"}, data=1)]

    def intercept(context, next):
        return ToolExecutionInterceptOutcome("kept", marks)

    runtime.register_tool_execution_intercept("i", 0, intercept)
    assert execute(runtime, plain) == ToolExecutionResult("kept")
    assert (log.events[-1].name, log.events[-1].category) == ("hit", "custom")
    assert log.events[-1].category_profile == {"subtype": "cache"}


def test_a_sync_tool_call(runtime):
    def intercept(context, next):
        result = next({**context.args, "more": True})
        return ToolExecutionInterceptOutcome(result.result, annotation=result.annotation)

    runtime.register_tool_execution_intercept("i", 0, intercept)
    result = runtime.tool_execute_sync("search", {"q": 1}, lambda args: list(args))
    assert result == ["q", "more"]


def test_an_async_one_is_refused_by_a_sync_call(runtime, log):
    runtime.register_tool_execution_intercept("i", 0, passing)
    with pytest.raises(InvalidState, match="'i' is async"):
        runtime.tool_execute_sync("search", {}, lambda args: args)
    assert log.events == []


def test_an_async_callback_with_the_context_is_refused_by_a_sync_call(runtime, log):
    async def intercept(name, args, next, *, context):
        return await next(args)

    runtime.register_tool_execution_intercept("i", 0, intercept)
    with pytest.raises(InvalidState, match="'i' is async"):
        runtime.tool_execute_sync("search", {}, lambda args: args)
    assert log.events == []


# --- LLM calls ---


def complete(runtime, **options):
    async def target(request):
        return {"a": request.content["q"]}

    return asyncio.run(runtime.llm_execute("gpt", REQUEST, target, **options))


def test_an_llm_intercept_with_a_context(runtime):
    contexts = []

    async def intercept(name, request, context, next):
        contexts.append(context)
        return await next(request)

    def around(name, request, next, extra=None):
        return next(request)

    runtime.register_llm_execution_intercept("outer", 0, around)
    runtime.register_llm_execution_intercept("inner", 1, intercept)
    codec = Codec()
    assert complete(runtime, codec=codec, response_codec=codec) == {"a": 1}
    assert complete(runtime) == {"a": 1}
    with_codecs, without = contexts
    assert type(with_codecs) is LlmExecutionContext
    assert with_codecs.request_codec.resolve_codec() is codec
    assert with_codecs.response_codec.resolve_codec() is codec
    assert with_codecs.request_codec.codec.kind == "opaque"
    assert without.request_codec.resolve_codec() is None
    assert without.response_codec.codec.kind == "none"
    assert "kind='none'" in repr(without)


def test_a_stream_intercept_with_a_context(runtime):
    async def intercept(name, request, context, next):
        async for chunk in await next(request):
            yield (type(context).__name__, chunk)

    async def chunks(request):
        yield 1

    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, chunks)
        return [chunk async for chunk in stream]

    runtime.register_llm_stream_execution_intercept("i", 0, intercept)
    assert asyncio.run(main()) == [("LlmExecutionContext", 1)]


def test_llm_sanitizers_with_a_context(runtime, log):
    seen = {}

    def of_request(request, context):
        seen["request"] = context
        return LLMRequest({}, {"q": "***"})

    async def of_response(response, context):
        seen["response"] = context
        return {"a": "***"}

    runtime.register_llm_sanitize_request_guardrail("in", 0, of_request)
    runtime.register_llm_sanitize_response_guardrail("out", 0, of_response)
    codec = Codec()
    assert complete(runtime, codec=codec, response_codec=codec) == {"a": 1}
    assert type(seen["request"]) is LlmSanitizeRequestContext
    assert type(seen["response"]) is LlmSanitizeResponseContext
    assert {context.resolve_codec() for context in seen.values()} == {codec}
    assert log.events[0].data["content"] == {"q": "***"}
    assert log.events[1].data == {"a": "***"}
    assert log.events[1].annotated_response == {"of": {"a": "***"}}


def test_the_context_as_a_keyword_knows_the_codec(runtime, log):
    seen = []

    def sanitize(request, *, context):
        seen.append((context.codec, context.response_codec, context.target))
        return request

    runtime.register_llm_sanitize_request_guardrail("in", 0, sanitize)
    codec = Codec()
    complete(runtime, codec=codec)
    assert seen == [(codec, None, "gpt")]


def test_what_withholds_on_purpose(runtime, log):
    """Relay: None omits the payload."""
    runtime.register_llm_sanitize_request_guardrail("in", 0, lambda request, context: None)
    complete(runtime)
    assert log.events[0].data is None
    assert log.events[0].metadata["sanitize.failed"] == "in"


# --- The peers' words ---


def test_what_an_intercept_must_not_return_is_told_in_the_peers_words_too(runtime):
    runtime.register_tool_request_intercept("t", 0, False, lambda name, args: object())
    runtime.register_llm_request_intercept("l", 0, False, lambda name, request, annotated: 1)
    with pytest.raises(RuntimeError, match="'t' returned no JSON value") as refused:
        runtime.tool_request_intercepts_sync("search", {})
    assert refused.value.__notes__ == ["py_to_json failed"]
    with pytest.raises(RuntimeError, match="'l' returned no LLM request") as refused:
        runtime.llm_request_intercepts_sync("gpt", REQUEST)
    assert refused.value.__notes__ == ["result[0] extraction failed"]
