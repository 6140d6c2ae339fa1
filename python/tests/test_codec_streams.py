"""Streams put together by the codecs: the vectors of tests/codecs/streams.json, and what no vector
says."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from scopeflow import InvalidState, LLMRequest, codecs, default_runtime, llm, testing
from scopeflow._native import output_value
from scopeflow.codecs import CodecId

ROOT = Path(__file__).resolve().parents[2]
STREAMS = json.loads((ROOT / "tests/codecs/streams.json").read_text(encoding="utf-8"))
OF_NAME = {
    "openai_chat": codecs.OpenAIChatStreamingCodec,
    "openai_responses": codecs.OpenAIResponsesStreamingCodec,
    "anthropic_messages": codecs.AnthropicMessagesStreamingCodec,
    "gemini_generate_content": codecs.GeminiGenerateContentStreamingCodec,
}


def gathered(codec, chunks):
    collect = codec.collector()
    for chunk in chunks:
        collect(chunk)
    return codec.finalizer()()


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case["id"])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_stream_comes_to_what_its_vector_says(case, is_named):
    codec = OF_NAME[case["codec"]]() if is_named else codecs.AutoStreamingCodec()
    chunks = copy.deepcopy(case["chunks"])
    response = gathered(codec, chunks)
    assert response == case["response"]
    assert chunks == case["chunks"]
    decode = codecs.by_name(case["codec"]).decode_response
    assert decode(response) == decode(case["response"])


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case["id"])
def test_a_stream_that_ends_anywhere_can_be_decoded(case):
    for count in range(len(case["chunks"])):
        response = gathered(OF_NAME[case["codec"]](), case["chunks"][:count])
        if response.keys() - {"id"} and "object" not in response:
            codecs.by_name(case["codec"]).decode_response(response)


def test_a_stream_is_finished_once():
    codec = codecs.OpenAIChatStreamingCodec()
    assert codec.finalizer()() == {}
    with pytest.raises(InvalidState, match="the stream was finished"):
        codec.finalizer()()
    with pytest.raises(InvalidState, match="the stream was finished"):
        codec.collector()({})


def test_a_streaming_call_is_annotated_like_a_plain_one():
    chat = next(case for case in STREAMS if case["codec"] == "openai_chat")
    codec = codecs.OpenAIChatStreamingCodec()
    request = LLMRequest({}, {"messages": []})
    with testing.capture() as events:
        stream = llm.stream_execute_sync(
            "openai", request, lambda r: iter(chat["chunks"]), codec.collector(),
            codec.finalizer(), response_codec="openai_chat",
        )  # fmt: skip
        assert list(stream) == chat["chunks"]
        llm.execute_sync("plain", request, lambda r: chat["response"], response_codec="openai_chat")
    streamed = events.find("openai", phase="end")
    plain = events.find("plain", phase="end")
    assert streamed.annotated_response == plain.annotated_response
    assert streamed.annotated_response.finish_reason == "tool_use"


# Whatever comes is put together or passed over.
KEYS = some.sampled_from(
    ["type", "index", "delta", "choices", "tool_calls", "content", "candidates", "parts", "text",
     "content_block", "response", "item", "output_index", "content_index", "usage", "function"]
)  # fmt: skip
TEXTS = some.sampled_from(
    ["text_delta", "content_block_start", "content_block_delta", "input_json_delta",
     "message_start", "response.output_text.delta", "response.output_item.added",
     "response.completed", "x", ""]
)  # fmt: skip
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-2, 5) | some.integers() | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=5),
    max_leaves=14,
)


@pytest.mark.parametrize("name", OF_NAME)
@given(chunks=some.lists(VALUES, max_size=6))
def test_no_chunk_is_too_odd(name, chunks):
    assert isinstance(gathered(OF_NAME[name](), chunks), dict)


@given(text=some.text(max_size=40), cuts=some.lists(some.integers(0, 40), max_size=5))
def test_a_text_cut_anywhere_is_the_text(text, cuts):
    places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    safe = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    made = gathered(codecs.OpenAIChatStreamingCodec(), chunks)
    if pieces:
        assert made["choices"][0]["message"]["content"] == safe


def test_choices_stand_in_the_order_of_their_indexes_however_many_come():
    count = 20_000
    places = [(i * 7919) % count for i in range(count)]
    delta = {"role": "assistant", "content": "x"}
    chunk = {"choices": [{"index": place, "delta": delta} for place in places]}
    choices = gathered(codecs.OpenAIChatStreamingCodec(), [chunk])["choices"]
    assert [choice["index"] for choice in choices] == list(range(count))


def test_a_choice_without_an_index_is_one():
    chunks = [{"choices": [{"delta": {"content": text}}]} for text in ("Hel", "lo")]
    response = gathered(codecs.OpenAIChatStreamingCodec(), chunks)
    assert response == {"choices": [{"message": {"content": "Hello"}}]}


def test_what_is_in_every_chunk_is_kept_once():
    limit = 1_000_000
    stream = default_runtime.codec_stream_new(default_runtime, CodecId.Auto, limit)
    chunk = {"id": "c", "model": "m", "created": 1, "extra": {"of": ["the", "provider"]},
             "choices": [{"index": 0, "delta": {"content": "word"}}]}  # fmt: skip
    for _ in range(20_000):
        default_runtime.codec_stream_feed(stream, chunk)
    response = output_value(default_runtime.codec_stream_finish(stream))
    assert len(response["choices"][0]["message"]["content"]) == 80_000
