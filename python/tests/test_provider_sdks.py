"""The codecs' view of what providers say beside that of the providers' own SDKs, which are driven
against a loopback server that replays the exchanges of tests/codecs, plain and streamed."""

from __future__ import annotations

import json

import pytest
from provider_sdks import SDKS, counted, kinds
from replay_server import ReplayServer, exchanges, vectors

from scopeflow import LLMRequest, codecs, llm, testing

pydantic = pytest.importorskip("pydantic", reason="the SDKs need it")

STREAMING = {
    "openai_chat": codecs.OpenAIChatStreamingCodec,
    "openai_responses": codecs.OpenAIResponsesStreamingCodec,
    "anthropic_messages": codecs.AnthropicMessagesStreamingCodec,
    "gemini_generate_content": codecs.GeminiGenerateContentStreamingCodec,
}
ALL = [(kind, exchange) for kind in SDKS for exchange in exchanges(kind.provider)]
STREAMED = [(kind, exchange) for kind, exchange in ALL if "chunks" in exchange]


def named(given):
    return f"{given.provider}" if isinstance(given, type) else given["id"]


of_all = pytest.mark.parametrize(("kind", "exchange"), ALL, ids=named)
of_streamed = pytest.mark.parametrize(("kind", "exchange"), STREAMED, ids=named)
of_each = pytest.mark.parametrize("kind", SDKS, ids=named)


@pytest.fixture(scope="module")
def server():
    with ReplayServer() as server:
        yield server


@pytest.fixture
def sdk(kind, server):
    made = kind(server.url)
    yield made
    made.close()


def without_null(value):
    """An SDK's object has a None for whatever is absent."""
    if isinstance(value, list):
        return [without_null(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: without_null(one) for key, one in value.items() if one is not None}


def common(annotated):
    """The members of the common form that all providers fill."""
    members = {key: value for key, value in without_null(annotated).items() if key in SAID}
    if "token_usage" in members:
        raw = members["token_usage"].pop("raw")
        members["token_usage"] = counted(members["token_usage"])
        assert without_null(annotated["token_usage"]["raw"]) == raw
    return members


SAID = ("id", "model", "message", "tool_calls", "finish_reason", "usage", "token_usage")


# --- Field by field ---


@of_all
def test_a_response_is_to_the_codec_what_it_is_to_the_sdk(sdk, kind, exchange, server):
    server.play(kind.provider, exchange)
    codec = codecs.by_name(kind.provider)
    for response in (
        sdk.create(exchange["request"]),
        sdk.run(sdk.create_async(exchange["request"])),
    ):
        assert without_null(sdk.spoken(response)) == as_spoken(sdk, exchange)
        assert common(codec.decode_response(response)) == sdk.annotated(response)
        assert common(codec.decode_response(sdk.spoken(response))) == sdk.annotated(response)
        assert common(codec.decode_response(exchange["response"])) == sdk.annotated(response)


def as_spoken(sdk, exchange):
    """What the response is in the SDK's words: Google's has another name for a member."""
    response = without_null(exchange["response"])
    for candidate in response.get("candidates", ()):
        cited = candidate.get("citationMetadata")
        if cited is not None:
            cited["citations"] = cited.pop("citationSources")
    return response


@of_all
def test_a_request_is_to_the_codec_what_the_sdk_sends(sdk, kind, exchange, server):
    server.play(kind.provider, exchange)
    sdk.create(exchange["request"])
    (sent,) = server.asked
    assert sdk.body(sent) == exchange["request"]
    request = LLMRequest({}, sent)
    codec = codecs.by_name(kind.provider)
    annotated = codec.decode(request)
    assert codecs.AutoCodec().decode(request) == annotated
    assert codec.encode(annotated, request) is request
    assert annotated.model == sent.get("model")
    given = sent.get("messages", sent.get("input", sent.get("contents")))
    assert len(annotated.messages) == (1 if isinstance(given, str) else len(given))


@of_streamed
def test_a_stream_comes_to_what_the_sdk_puts_together(sdk, kind, exchange, server):
    server.play(kind.provider, exchange)
    codec = STREAMING[kind.provider]()
    collect = codec.collector()
    for chunk in sdk.stream(exchange["request"]):
        collect(chunk)
    response = codec.finalizer()()
    assert without_null(response) == as_spoken(sdk, exchange)
    annotated = codecs.by_name(kind.provider).decode_response(response)
    assert common(annotated) == sdk.annotated(sdk.aggregated(exchange["request"]))


@of_streamed
def test_an_asynchronous_stream_comes_to_the_same(sdk, kind, exchange, server):
    async def gathered():
        codec = STREAMING[kind.provider]()
        collect = codec.collector()
        async for chunk in await sdk.stream_async(exchange["request"]):
            collect(chunk)
        return codec.finalizer()()

    server.play(kind.provider, exchange)
    assert without_null(sdk.run(gathered())) == as_spoken(sdk, exchange)


# --- In managed calls ---


@of_streamed
def test_managed_calls_are_annotated_alike_plain_and_streamed(sdk, kind, exchange, server):
    server.play(kind.provider, exchange)
    request = LLMRequest({}, exchange["request"])
    codec, name = STREAMING[kind.provider](), kind.provider
    with testing.capture() as events:
        llm.execute_sync(
            "plain", request, lambda request: sdk.create(request.content),
            codec="auto", response_codec="auto",
        )  # fmt: skip
        chunks = llm.stream_execute_sync(
            "streamed", request, lambda request: iter(sdk.stream(request.content)),
            codec.collector(), codec.finalizer(), codec=name, response_codec=name,
        )  # fmt: skip
        assert len(list(chunks)) == len([c for c in exchange["chunks"] if c.get("type") != "ping"])
    plain, streamed = (events.find(call, phase="end") for call in ("plain", "streamed"))
    expected = sdk.annotated(sdk.create(exchange["request"]))
    assert common(plain.annotated_response) == expected
    assert common(streamed.annotated_response) == expected
    begun = events.find("plain", phase="start").annotated_request
    assert begun == codecs.by_name(name).decode(request)


# --- What the fixtures hold ---


@of_all
def test_the_payloads_are_such_as_the_sdk_knows(sdk, kind, exchange):
    whole, chunk, _ = sdk.unions()
    pydantic.TypeAdapter(whole).validate_python(exchange["response"])
    for event in exchange.get("chunks", ()):
        if event.get("type") != "ping":
            pydantic.TypeAdapter(chunk).validate_python(event)


def types_in(value):
    if isinstance(value, dict):
        own = {value["type"]} if isinstance(value.get("type"), str) else set()
        return own.union(*map(types_in, value.values()))
    return set().union(*map(types_in, value)) if isinstance(value, list) else set()


@of_each
def test_every_kind_that_the_sdk_knows_is_in_an_exchange(sdk, kind):
    streams = [case for case in vectors("streams") if case["codec"] == kind.provider]
    there = types_in(exchanges(kind.provider)) | types_in(streams)
    for union in sdk.unions()[2]:
        assert kinds(union) and kinds(union) <= there, sorted(kinds(union) - there)


@of_each
def test_every_reason_for_the_end_that_the_sdk_knows_is_said(sdk, kind):
    codec, made = codecs.by_name(kind.provider), FINISH[kind.provider]
    assert sdk.reasons()
    for reason in sdk.reasons():
        found = codec.decode_response(made(reason)).finish_reason
        assert found in ("complete", "length", "tool_use", "content_filter", {"unknown": reason})


FINISH = {
    "openai_chat": lambda reason: {"choices": [{"finish_reason": reason}]},
    "openai_responses": lambda reason: {
        "status": "incomplete", "output": [], "incomplete_details": {"reason": reason}
    },
    "anthropic_messages": lambda reason: {"content": [], "stop_reason": reason},
    "gemini_generate_content": lambda reason: {"candidates": [{"finishReason": reason}]},
}  # fmt: skip

# What the common form says in other words.
RENAMED = {"type", "role", "index", "finish_reason", "finishReason", "tool_choice"}


def leaves(value, key=""):
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, key)
    elif value is not None and key not in RENAMED:
        yield value


def written(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def is_in(leaf, text):
    """Arguments of a tool are a text that the common form has the value of."""
    if written(leaf) in text:
        return True
    return isinstance(leaf, str) and leaf.startswith("{") and written(json.loads(leaf)) in text


@of_all
def test_the_annotated_forms_hide_nothing(kind, exchange):
    codec = codecs.by_name(kind.provider)
    for payload, annotated in (
        (exchange["response"], codec.decode_response(exchange["response"])),
        (exchange["request"], codec.decode(LLMRequest({}, exchange["request"]))),
    ):
        text = written(annotated)
        assert [leaf for leaf in leaves(payload) if not is_in(leaf, text)] == []


@pytest.mark.parametrize("kind", [SDKS[3]], ids=named)
def test_any_member_of_a_part_rides_along(sdk, kind):
    codec = codecs.GeminiGenerateContentCodec()
    for field in sdk.types.Part.model_fields.values():
        part = {"text": "hi", field.alias: {"odd": 1.50}}
        request = LLMRequest({}, {"contents": [{"role": "user", "parts": [part, {"text": "a"}]}]})
        annotated = codec.decode(request)
        annotated.messages[0]["content"][1]["text"] = "b"
        sent = codec.encode(annotated, request).content["contents"][0]["parts"]
        assert sent == [part, {"text": "b"}] and sent[0] is part


# --- Streams that break ---

ERRORS = {
    "openai_chat": {"error": {"message": "It broke.", "type": "server_error"}},
    "anthropic_messages": {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "It broke."},
    },
}


@pytest.mark.parametrize("kind", [SDKS[0], SDKS[2]], ids=named)
def test_of_a_stream_that_breaks_observers_see_what_had_come(sdk, kind, server):
    (text,) = (one for one in exchanges(kind.provider) if one["id"] == "text")
    chunks = [chunk for chunk in text["chunks"] if "Hello, Zo" in str(chunk)]
    before = text["chunks"][: text["chunks"].index(chunks[0]) + 1]
    server.play(kind.provider, {**text, "chunks": [*before, ERRORS[kind.provider]]})
    codec, name = STREAMING[kind.provider](), kind.provider
    with testing.capture() as events:
        stream = llm.stream_execute_sync(
            name, LLMRequest({}, text["request"]), lambda r: iter(sdk.stream(r.content)),
            codec.collector(), codec.finalizer(), codec=name, response_codec=name,
        )  # fmt: skip
        with pytest.raises(Exception, match="It broke") as caught:
            list(stream)
    assert type(caught.value).__module__.split(".")[0] == kind.package
    end = events.find(name, phase="end")
    assert end.metadata["otel.status_code"] == "ERROR"
    assert end.annotated_response.response_text() == "Hello, Zo"
    assert end.annotated_response.finish_reason is None
