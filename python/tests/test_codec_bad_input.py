"""What no provider sends: every member of every vector in the wrong type or missing, payloads cut
short, and texts of megabytes. It is decoded, or refused with the provider's name; it never fails a
call, and what was not edited stays what it was."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from scopeflow import InvalidArgument, LLMRequest, codecs, llm, testing

ROOT = Path(__file__).resolve().parents[2]
VECTORS = {
    name: json.loads((ROOT / f"tests/codecs/{name}.json").read_text(encoding="utf-8"))
    for name in ("requests", "responses", "streams")
}
WRONG = (None, True, -7, 1.5, "text", [], [[]], {}, {"type": {}}, [None, {"type": "text"}])
REMOVED = object()


def of_each(name):
    return pytest.mark.parametrize("case", VECTORS[name], ids=lambda case: case["id"])


def paths(value, at=()):
    """The path of every value in this one, which comes last."""
    members = value.items() if isinstance(value, dict) else ()
    members = enumerate(value) if isinstance(value, list) else members
    for key, member in members:
        yield from paths(member, (*at, key))
    yield at


def with_wrong(value):
    """This value again and again, each time with another place in it wrong."""
    for path in paths(value):
        for wrong in (*WRONG, REMOVED):
            made = holder = [copy.deepcopy(value)]
            for step in (0, *path)[:-1]:
                holder = holder[step]
            if wrong is not REMOVED:
                holder[path[-1] if path else 0] = copy.deepcopy(wrong)
            elif path:
                del holder[path[-1]]
            yield path, made[0]


@of_each("requests")
def test_a_request_with_anything_wrong_is_decoded_and_stays(case):
    codec = codecs.by_name(case["codec"])
    for path, content in with_wrong(case["content"]):
        request = LLMRequest({}, content)
        if isinstance(content, dict):
            assert codec.encode(codec.decode(request), request) is request, path
        else:
            with pytest.raises(InvalidArgument, match="request decode: the content is no object"):
                codec.decode(request)


@of_each("requests")
def test_an_annotated_form_with_anything_wrong_is_carried_or_refused(case):
    codec, request = codecs.by_name(case["codec"]), LLMRequest({}, case["content"])
    for path, annotated in with_wrong(case["annotated"]):
        if not isinstance(annotated, dict):
            continue
        try:
            encoded = codec.encode(annotated, request)
        except InvalidArgument as error:
            assert "request encode: the provider cannot carry the edit of " in str(error), path
        else:
            assert isinstance(encoded.content, dict), path


@of_each("responses")
def test_a_response_with_anything_wrong_is_decoded_or_refused(case):
    codec = codecs.by_name(case["codec"])
    for path, response in with_wrong(case["response"]):
        try:
            assert codec.decode_response(response)["api_specific"], path
        except InvalidArgument as error:
            assert "response decode: it has nothing of such a response" in str(error), path


@of_each("streams")
def test_a_stream_with_anything_wrong_comes_to_something(case):
    names = {"openai_chat": "OpenAIChat", "openai_responses": "OpenAIResponses",
             "anthropic_messages": "AnthropicMessages",
             "gemini_generate_content": "GeminiGenerateContent"}  # fmt: skip
    of_class = getattr(codecs, f"{names[case['codec']]}StreamingCodec")
    for path, chunks in with_wrong(case["chunks"]):
        if isinstance(chunks, list):
            codec = of_class()
            for chunk in chunks:
                codec.collector()(chunk)
            assert isinstance(codec.finalizer()(), dict), path


@pytest.mark.parametrize(
    "name", ["auto", *sorted({case["codec"] for case in VECTORS["responses"]})]
)
def test_no_response_fails_a_call(name):
    cut = json.dumps(VECTORS["responses"][0]["response"])[:-9]
    for response in (cut, cut.encode(), *WRONG, {"choices": 7}, {"content": {}}, {"output": "x"}):
        with testing.capture() as events:
            given = llm.execute_sync(
                "m", LLMRequest({}, {}), lambda r, given=response: given, response_codec=name
            )
        assert given is response
        annotated = events.find("m", phase="end").annotated_response
        assert annotated is None or annotated.api_specific


def test_megabytes_in_every_place_of_a_text():
    text = "x" * 3_000_000
    request = LLMRequest({}, {"messages": [{"role": "user", "content": text}], "model": text,
                              text: text})  # fmt: skip
    codec = codecs.OpenAIChatCodec()
    annotated = codec.decode(request)
    annotated["messages"][0]["content"] += "y"
    assert codec.encode(annotated, request).content["messages"][0]["content"] == text + "y"
    with testing.capture() as events:
        llm.execute_sync("m", request, lambda r: {"choices": [], "model": text}, codec="auto")
    start = events.find("m", phase="start")  # Cut like any payload; no name of a model is so long.
    assert "model_name" not in start.category_profile
