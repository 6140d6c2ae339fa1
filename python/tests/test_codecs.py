"""Annotated requests and responses, as objects, in events and with codecs."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import scopeflow
from scopeflow import AnnotatedLLMRequest, AnnotatedLLMResponse, LLMRequest, _native
from scopeflow.codecs import LlmCodec, LlmResponseCodec

USER = {"role": "user", "content": "hi"}
PARTS = [{"type": "text", "text": "a"}, {"type": "image"}, 7, {"type": "text", "text": "b"}]


def test_the_members_are_attributes_and_stand_in_the_object():
    messages, params = [USER], {"temperature": 1}
    made = AnnotatedLLMRequest(messages, model="m", params=params, extra={"seed": 7})
    assert made == {"messages": [USER], "model": "m", "params": {"temperature": 1}, "seed": 7}
    assert (made.model, made.tools, made.extra) == ("m", None, {"seed": 7})
    made.messages[0]["content"] = "changed"
    made.params["temperature"] = 2
    assert messages == [USER] and params == {"temperature": 1}
    made.model, made.tool_choice = None, "auto"
    assert "model" not in made and made["tool_choice"] == "auto"
    made.extra = {"user": "x"}
    assert made.extra == {"user": "x"} and "seed" not in made
    made.extra = None
    assert made.extra == {}
    with pytest.raises(TypeError):
        made.extra["lost"] = 1
    assert made.to_dict() == dict(made) and type(made.to_dict()) is dict
    assert repr(made).startswith("AnnotatedLLMRequest({'messages'")


def test_an_attribute_that_is_no_member_is_refused():
    request = AnnotatedLLMRequest([{"role": "user", "content": "hi"}])
    for form in (request, request.messages[0], AnnotatedLLMResponse(message="hi")):
        with pytest.raises(AttributeError, match="temperature"):
            form.temperature = 0.5
        form["temperature"] = 0.5
        assert form.extra == {"temperature": 0.5}


def test_one_class_under_all_its_names():
    assert (
        _native.AnnotatedLLMRequest is AnnotatedLLMRequest is scopeflow.codecs.AnnotatedLLMRequest
    )
    assert _native.AnnotatedLLMResponse is AnnotatedLLMResponse
    assert AnnotatedLLMRequest.model.name == "model"


@pytest.mark.parametrize(
    "made", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]
)
def test_copies(made):
    one = AnnotatedLLMRequest([USER], extra={"seed": 7})
    other = made(one)
    assert other == one and type(other) is AnnotatedLLMRequest and other.extra == {"seed": 7}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"messages": "text"}, "messages must be a list of objects, not str"),
        ({"messages": {"role": "user"}}, "messages must be a list of objects, not dict"),
        ({"messages": 7}, "messages must be a list of objects, not int"),
        ({"messages": [USER, "x"]}, r"messages\[1\] must be an object, not str"),
        ({"model": 7}, "model must be str or None, not int"),
        ({"params": [1]}, "params must be an object, not list"),
        ({"tools": [1]}, r"tools\[0\] must be an object, not int"),
        ({"extra": 7}, "extra must be an object, not int"),
    ],
)
def test_members_of_another_kind(members, message):
    with pytest.raises(TypeError, match=message):
        AnnotatedLLMRequest(**{"messages": [], **members})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"id": 7}, "id must be str or None, not int"),
        ({"model": b"m"}, "model must be str or None, not bytes"),
        ({"tool_calls": "x"}, "tool_calls must be a list of objects, not str"),
        ({"tool_calls": [{}, 7]}, r"tool_calls\[1\] must be an object, not int"),
        ({"usage": [1]}, "usage must be an object, not list"),
        ({"api_specific": "x"}, "api_specific must be an object, not str"),
        ({"extra": 7}, "extra must be an object, not int"),
    ],
)
def test_members_of_another_kind_of_a_response(members, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        AnnotatedLLMResponse(**members)


def test_every_member_is_kept_under_its_name():
    given = {
        "messages": [USER],
        "instructions": "be brief",
        "model": "m",
        "params": {"temperature": 0},
        "tools": [{"name": "f"}],
        "tool_choice": "auto",
        "api_specific": {"seed": 1},
    }
    assert AnnotatedLLMRequest(**given) == given
    assert tuple(given) == AnnotatedLLMRequest.MEMBERS
    answered = {
        "id": "r",
        "model": "m",
        "message": "hi",
        "tool_calls": [{"name": "f"}],
        "finish_reason": "length",
        "usage": {"total_tokens": 3},
        "api_specific": {"seed": 1},
    }
    made = AnnotatedLLMResponse(**answered)
    assert made == answered
    made.optimization_summary, made.token_usage = {"saved": 1}, {"output_text": 3}
    assert made["optimization_summary"] == {"saved": 1}
    later = ("token_usage", "cost", "optimization_summary")
    assert {*answered, *later} == set(AnnotatedLLMResponse.MEMBERS)
    for name, value in {**given, **answered}.items():
        holder = made if name in answered else AnnotatedLLMRequest(**given)
        assert getattr(holder, name) == value


def test_an_extra_member_may_not_hide_another():
    with pytest.raises(scopeflow.InvalidArgument, match="extra has 'model'"):
        AnnotatedLLMRequest([], extra={"model": "m"})


def test_texts():
    system = {"role": "system", "content": PARTS}
    made = AnnotatedLLMRequest([system, USER, {"role": "user", "content": [{"type": "image"}]}])
    assert made.system_prompt() == "a\nb"
    assert made.last_user_message() is None
    assistant = {"role": "assistant", "content": "no"}
    assert AnnotatedLLMRequest([USER, assistant]).last_user_message() == USER["content"]
    assert AnnotatedLLMRequest([assistant, system]).system_prompt() == "a\nb"
    assert AnnotatedLLMRequest([assistant]).last_user_message() is None
    none = {"role": "user", "content": 7}
    assert AnnotatedLLMRequest([none]).last_user_message() is None
    assert AnnotatedLLMRequest([USER], instructions="be brief").system_prompt() == "be brief"
    assert AnnotatedLLMRequest([]).last_user_message() is None
    assert AnnotatedLLMRequest([]).system_prompt() is None
    assert not AnnotatedLLMRequest([USER]).has_tool_calls()
    assert AnnotatedLLMRequest([{"role": "assistant", "tool_calls": [{}]}]).has_tool_calls() is True


def test_responses():
    usage = {"total_tokens": 3}
    made = AnnotatedLLMResponse("r", "m", "hi", [{"name": "f"}], "tool_use", usage, extra={"x": 1})
    assert made.response_text() == "hi" and made.has_tool_calls()
    assert made == {
        "id": "r",
        "model": "m",
        "message": "hi",
        "tool_calls": [{"name": "f"}],
        "finish_reason": "tool_use",
        "usage": usage,
        "x": 1,
    }
    assert AnnotatedLLMResponse(message=PARTS).response_text() == "a\nb"
    assert AnnotatedLLMResponse(message={"content": "c"}).response_text() == "c"
    assert AnnotatedLLMResponse().response_text() is None
    assert not AnnotatedLLMResponse().has_tool_calls()
    assert AnnotatedLLMResponse().optimization_summary is None


class Both(LlmCodec, LlmResponseCodec):
    def decode(self, request):
        return AnnotatedLLMRequest(request.content["messages"], model=request.content.get("model"))

    def encode(self, annotated, original):
        return LLMRequest(original.headers, {**original.content, "messages": annotated.messages})

    def decode_response(self, response):
        return AnnotatedLLMResponse(message=response["text"], extra={"raw": True})


def test_intercepts_edit_and_events_show_them(runtime, log):
    def intercept(name, request, annotated):
        assert type(annotated) is AnnotatedLLMRequest
        annotated.messages.append({"role": "user", "content": "more"})
        return request, annotated

    def model(request):
        return {"text": request.content["messages"][-1]["content"]}

    runtime.register_llm_request_intercept("i", 1, False, intercept)
    request, codec = LLMRequest({}, {"messages": [USER], "model": "m"}), Both()
    assert runtime.llm_execute_sync("p", request, model, codec=codec, response_codec=codec) == {
        "text": "more"
    }
    assert request.content["messages"] == [USER]
    start, end = log.start("p"), log.end("p")
    assert start.annotated_request.last_user_message() == "more"
    assert start.annotated_request is start.annotated_request
    assert (start.annotated_response, end.annotated_request) == (None, None)
    assert end.annotated_response == {"message": "more", "raw": True}
    assert end.annotated_response.extra == {"raw": True}
    line = json.loads(end.to_json())
    assert line["category_profile"]["annotated_response"] == {"message": "more", "raw": True}


def test_events_without_annotations(runtime, log):
    runtime.scope_event("mark")
    runtime.scope_event("own", category_profile={"annotated_request": "no object"})
    assert log.named("mark").annotated_request is None
    assert log.named("own").annotated_request == "no object"


def test_what_a_codec_class_has_to_do():
    with pytest.raises(NotImplementedError):
        LlmCodec().encode({}, LLMRequest({}, {}))
    assert isinstance(Both(), LlmCodec) and not isinstance(object(), LlmCodec)
