"""The common form's objects as attributes: an edit of a part is one of the whole, and reaches the
provider's request by the same way as any."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from scopeflow import (
    AnnotatedLLMRequest,
    AnnotatedLLMResponse,
    LLMRequest,
    codecs,
    intercepts,
    llm,
    testing,
)

ROOT = Path(__file__).resolve().parents[2]
FORMS = yaml.safe_load((ROOT / "spec/api/codec_form.yaml").read_text("utf-8"))["codec_forms"]
BASES = {
    "annotated_llm_request": AnnotatedLLMRequest,
    "annotated_llm_response": AnnotatedLLMResponse,
}
SPELLED = {
    "text": str, "integer": int, "number": (int, float), "bool": bool, "object": dict,
    "any": object,
}  # fmt: skip


def cases(name):
    return json.loads((ROOT / f"tests/codecs/{name}.json").read_text("utf-8"))


def exchanges():
    for path in sorted((ROOT / "tests/codecs/exchanges").glob("*.json")):
        for exchange in json.loads(path.read_text("utf-8")):
            yield path.stem, exchange


def annotated_forms():
    for case in cases("requests"):
        yield case["id"], "annotated_llm_request", case["annotated"]
    for case in cases("responses"):
        yield case["id"], "annotated_llm_response", case["annotated"]
    for provider, exchange in exchanges():
        codec, name = codecs.by_name(provider), f"{provider} {exchange['id']}"
        decoded = codec.decode(LLMRequest({}, exchange["request"]))
        yield name, "annotated_llm_request", decoded.to_dict()
        response = codec.decode_response(exchange["response"])
        yield name, "annotated_llm_response", response.to_dict()


def of_form(name):
    return BASES.get(name) or getattr(codecs, "".join(map(str.capitalize, name.split("_"))))


def check(view, name):
    """Each member is an attribute of the kind that the spec says."""
    assert type(view) is of_form(name)
    assert tuple(FORMS[name]["members"]) == view.MEMBERS
    for member, said in FORMS[name]["members"].items():
        value = getattr(view, member)
        assert value is view.get(member) or (value is None and member not in view)
        if value is None:
            continue
        kind, _, of = said["type"].partition(".")
        if kind == "content":
            kind, of = ("text", "") if isinstance(value, str) else ("list", "content_part")
        if kind == "form":
            check(value, of)
        elif kind == "list" and of != "text":
            assert isinstance(value, list)
            for element in value:
                check(element, of)
        elif kind == "list":
            assert all(isinstance(element, str) for element in value)
        else:
            assert isinstance(value, SPELLED[kind])


@pytest.mark.parametrize(
    ("form", "members"),
    [pytest.param(form, members, id=f"{name} {form}") for name, form, members in annotated_forms()],
)
def test_what_codecs_make_is_of_the_forms_in_the_spec(form, members):
    view = BASES[form].from_dict(copy.deepcopy(members))
    check(view, form)
    assert view == members and json.dumps(view) == json.dumps(members)
    for again in (copy.copy(view), copy.deepcopy(view), pickle.loads(pickle.dumps(view))):
        assert again == members
        check(again, form)


def test_every_form_has_a_class_and_no_class_is_without():
    named = {of_form(name).__name__ for name in FORMS}
    assert named <= set(codecs.__all__)
    views = {name for name in codecs.__all__ if hasattr(getattr(codecs, name), "MEMBERS")}
    assert views == named


# --- Edits ---

REQUEST = {
    "model": "gpt-4o",
    "temperature": 0.50,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "odd", "x": 1}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "user", "content": "and?", "new_in_2027": True},
    ],
    "tools": [{"type": "function", "function": {"name": "f"}}],
}  # fmt: skip


def edited(edit):
    """The request's content after an edit of its annotated form."""
    codec, request = codecs.OpenAIChatCodec(), LLMRequest({}, copy.deepcopy(REQUEST))
    annotated = codec.decode(request)
    edit(annotated)
    return codec.encode(annotated, request).content


def set_content(annotated):
    annotated.messages[-1].content = "or?"


def set_part(annotated):
    annotated.messages[1].content[0].text = "hello"


def set_call(annotated):
    (call,) = annotated.messages[2].tool_calls
    call.function.arguments = '{"q": 1}'


def set_tool(annotated):
    for tool in annotated.tools:
        tool.function.description = "Does it."


def set_params(annotated):
    annotated.params.max_tokens = 9
    annotated.params.temperature = None


def set_last_from_behind(annotated):
    next(iter(reversed(annotated.messages))).extra = {}


def take_out(annotated):
    taken = annotated.messages.pop()
    annotated.messages.append({"role": taken.role, "content": "new"})
    annotated.messages[-1].name = "ann"


EDITS = {
    set_content: lambda r: r["messages"][3].update(content="or?"),
    set_part: lambda r: r["messages"][1]["content"][0].update(text="hello"),
    set_call: lambda r: r["messages"][2]["tool_calls"][0]["function"].update(
        arguments='{"q": 1}'
    ),
    set_tool: lambda r: r["tools"][0]["function"].update(description="Does it."),
    set_params: lambda r: (r.pop("temperature"), r.update(max_completion_tokens=9)),
    set_last_from_behind: lambda r: r["messages"][3].pop("new_in_2027"),
    take_out: lambda r: r["messages"].__setitem__(
        3, {"role": "user", "content": "new", "name": "ann"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_of_a_part_changes_that_alone(edit):
    expected = copy.deepcopy(REQUEST)
    EDITS[edit](expected)
    assert expected != REQUEST
    assert edited(edit) == expected


def test_looking_is_no_edit():
    codec, request = codecs.OpenAIChatCodec(), LLMRequest({}, REQUEST)
    annotated = codec.decode(request)
    check(annotated, "annotated_llm_request")
    assert [message.role for message in annotated.messages[1:]] == ["user", "assistant", "user"]
    assert codec.encode(annotated, request) is request


def test_an_object_inside_is_the_same_from_then_on():
    annotated = AnnotatedLLMRequest([{"role": "user"}], params={"top_p": 1})
    assert annotated.messages is annotated.messages is annotated["messages"]
    assert annotated.messages[0] is next(iter(annotated.messages)) is annotated["messages"][0]
    assert annotated.params is annotated["params"]
    annotated["messages"].append({"role": "tool"})
    assert annotated.messages[-1].role == "tool"
    assert annotated.messages[-1:][0] is annotated.messages[-1]
    annotated.messages = [{"role": "system"}]
    assert annotated.messages[0].role == "system"


def test_odd_values_stay_as_they_are():
    odd = [7, None, "x", ["y"], {"role": "user"}]
    annotated = AnnotatedLLMRequest.from_dict({"messages": odd, "params": [1], "tools": "t"})
    assert list(annotated.messages) == odd and annotated.messages[4].role == "user"
    assert (annotated.params, annotated.tools) == ([1], "t")
    assert annotated.messages.pop(0) == 7 and annotated.messages.pop().role == "user"
    with pytest.raises(IndexError):
        annotated.messages[9]


def test_an_intercept_and_an_observer_look_at_the_same_classes():
    def polite(name, request, annotated):
        annotated.messages[-1].content += " Please."
        return request, annotated

    request = LLMRequest({}, REQUEST)
    with intercepts.llm_request("polite", 10, False, polite), testing.capture() as events:
        sent = llm.execute_sync("openai", request, lambda request: request.content, codec="auto")
    assert sent["messages"][-1] == {**REQUEST["messages"][-1], "content": "and? Please."}
    seen = events.find("openai", phase="start").annotated_request
    assert seen.messages[-1].content == "and? Please."
    assert seen.messages[1].content[0].text == "hi"


TEXTS = some.text(max_size=5)
MESSAGES = some.fixed_dictionaries(
    {"role": some.sampled_from(["user", "assistant"]), "content": TEXTS},
    optional={"name": TEXTS, "odd": some.integers()},
)


@given(messages=some.lists(MESSAGES, min_size=1, max_size=6), data=some.data())
def test_an_attribute_and_a_key_edit_alike(messages, data):
    codec, request = codecs.AnthropicMessagesCodec(), LLMRequest({}, {"messages": messages})
    at = data.draw(some.integers(-len(messages), len(messages) - 1))
    name = data.draw(some.sampled_from(["content", "name", "role"]))
    text = data.draw(TEXTS)
    by_key, by_attribute = codec.decode(request), codec.decode(request)
    by_key["messages"][at][name] = text
    setattr(by_attribute.messages[at], name, text)
    assert codec.encode(by_attribute, request) == codec.encode(by_key, request)
