"""The codecs of providers: the vectors of tests/codecs, the laws of ADR 0023, and what calls do
with codecs."""

from __future__ import annotations

import copy
import json
import logging
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

import scopeflow
from scopeflow import (
    InvalidArgument,
    LLMRequest,
    codecs,
    default_runtime,
    guardrails,
    intercepts,
    llm,
    subscribers,
    testing,
)

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = json.loads((ROOT / "tests/codecs/requests.json").read_text(encoding="utf-8"))
RESPONSES = json.loads((ROOT / "tests/codecs/responses.json").read_text(encoding="utf-8"))
PRICES = json.loads((ROOT / "tests/codecs/prices.json").read_text(encoding="utf-8"))
MAPS = yaml.safe_load((ROOT / "spec/api/codec.yaml").read_text(encoding="utf-8"))["codec_maps"]
NAMES = tuple(MAPS["maps"])

CHAT = {"messages": [{"role": "user", "content": "hi"}], "model": "gpt-4o", "stream": True}
SAID = {
    "model": "gpt-4o",
    "choices": [{"message": {"content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11},
}


def by_id(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["id"])


def changed(value, edits):
    value = copy.deepcopy(value)
    for path, *to in edits:
        at = value
        for step in path[:-1]:
            at = at[step]
        if not to:
            del at[path[-1]]
        elif isinstance(at, list) and path[-1] == len(at):
            at.append(to[0])
        else:
            at[path[-1]] = to[0]
    return value


# --- Vectors ---


@by_id(REQUESTS)
def test_a_request_is_decoded_as_its_vector_says(case):
    codec = codecs.by_name(case["codec"])
    content = copy.deepcopy(case["content"])
    annotated = codec.decode(LLMRequest({}, content))
    assert json.dumps(annotated) == json.dumps(case["annotated"])
    assert content == case["content"]


@by_id(REQUESTS)
def test_edits_come_back_as_the_vector_says(case):
    codec = codecs.by_name(case["codec"])
    original = LLMRequest({"a": "b"}, copy.deepcopy(case["content"]))
    for edit in case["edits"]:
        annotated = changed(case["annotated"], edit["set"])
        if "path" in edit:
            with pytest.raises(InvalidArgument, match="cannot carry the edit of ") as caught:
                codec.encode(annotated, original)
            assert str(caught.value).endswith(" " + edit["path"])
            continue
        encoded = codec.encode(annotated, original)
        assert json.dumps(encoded.content) == json.dumps(edit["content"])
        assert encoded.headers is original.headers
    assert original.content == case["content"]


@by_id(RESPONSES)
def test_a_response_is_decoded_as_its_vector_says(case):
    annotated = codecs.by_name(case["codec"]).decode_response(case["response"])
    assert annotated == case["annotated"]


@by_id(REQUESTS)
def test_a_request_is_known_without_a_name(case):
    assert codecs.AutoCodec().decode(LLMRequest({}, case["content"])) is not None


# Nothing is in them that only one provider says.
UNTOLD = {"chat-error", "gemini-error", "responses-own-members"}


@by_id([case for case in RESPONSES if case["id"] != "responses-failed"])
def test_a_response_is_known_without_a_name(case):
    if case["id"] in UNTOLD:
        assert codecs.AutoCodec().decode_response(case["response"]) is None
    elif "status" not in case["response"] or "output" in case["response"]:
        found = codecs.AutoCodec().decode_response(case["response"])
        if case["codec"] != "anthropic_messages" or case["response"].get("type"):
            assert found["api_specific"]["api"] == case["codec"]


def words(value):
    """Every key and text in a value."""
    if isinstance(value, dict):
        return set(value).union(*map(words, value.values()))
    if isinstance(value, list):
        return set().union(*map(words, value))
    return {value} if isinstance(value, str) else set()


@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_have_every_row_of_the_map(name):
    rows = MAPS["maps"][name]
    asked = words([case["content"] for case in REQUESTS if case["codec"] == name])
    said = words([case["response"] for case in RESPONSES if case["codec"] == name])
    wanted = {row["key"] for row in rows["request"]} | {*rows["own"]} | {*rows.get("parts", ())}
    assert wanted - asked == set()
    top = rows["response"]
    wanted = {top["id"], top["model"], *top["marks"], *top["own"], *rows["finish"]}
    assert wanted - said == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_the_map_leads_there_and_back(name):
    codec, rows = codecs.by_name(name), MAPS["maps"][name]
    for row in rows["request"]:
        group, _, to = row["to"].rpartition(".")
        if to in ("messages", "instructions", "tools", "tool_choice", "parallel_tool_calls"):
            continue
        value = ["x"] if to == "stop" else 3
        content = {row["key"]: value} if "in" not in row else {row["in"]: {row["key"]: value}}
        request = LLMRequest({}, content)
        annotated = codec.decode(request)
        assert (annotated[group] if group else annotated)[to] == value
        (annotated[group] if group else annotated)[to] = other = ["y"] if to == "stop" else 4
        changed_to = codec.encode(annotated, request).content
        assert (changed_to[row["in"]] if "in" in row else changed_to)[row["key"]] == other
    for key in rows["own"]:
        assert codec.decode(LLMRequest({}, {key: 1})).api_specific == {"api": name, key: 1}


FINISH = {
    "openai_chat": lambda reason: {"choices": [{"finish_reason": reason}]},
    "openai_responses": lambda reason: (
        {"status": reason, "output": []}
        if reason == "completed"
        else {"status": "incomplete", "incomplete_details": {"reason": reason}}
    ),
    "anthropic_messages": lambda reason: {"content": [], "stop_reason": reason},
    "gemini_generate_content": lambda reason: {"candidates": [{"finishReason": reason}]},
}


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_for_the_end_is_mapped(name):
    codec, made = codecs.by_name(name), FINISH[name]
    for reason, common in MAPS["maps"][name]["finish"].items():
        assert codec.decode_response(made(reason)).finish_reason == common
    assert codec.decode_response(made("odd")).finish_reason == {"unknown": "odd"}


# --- Laws ---

KEYS = some.sampled_from(
    ["role", "content", "type", "text", "name", "function", "parts", "id", "value", "provider",
     "functionCall", "input", "arguments", "input_schema", "k", "kind", "text"]
)  # fmt: skip
TEXTS = some.sampled_from(
    ["", "user", "assistant", "model", "text", "function", "tool_use", "message", "function_call",
     "auto", "any", "provider_native", "openai_chat", "input_text", "é\u2028"]
)  # fmt: skip
SCALARS = (
    some.none() | some.booleans() | some.integers(-(2**70), 2**70) | TEXTS
    | some.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
VALUES = some.recursive(
    SCALARS,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TOPS = some.sampled_from(
    sorted(
        {row.get("in", row["key"]) for one in MAPS["maps"].values() for row in one["request"]}
        | {"api_specific", "params", "instructions", "stream", "n", "odd", "api"}
    )
)
CONTENTS = some.dictionaries(TOPS, VALUES, max_size=6)


@pytest.mark.parametrize("name", NAMES)
@given(content=CONTENTS)
def test_what_was_not_edited_is_the_same_request(name, content):
    codec = codecs.by_name(name)
    request = LLMRequest({}, content)
    before = json.dumps(content)
    annotated = codec.decode(request)
    assert codec.encode(annotated, request) is request
    assert json.dumps(content) == before


@pytest.mark.parametrize("name", NAMES)
@given(content=CONTENTS, key=KEYS, value=VALUES)
def test_an_edit_of_one_member_leaves_the_others_alone(name, content, key, value):
    codec = codecs.by_name(name)
    request = LLMRequest({}, content)
    annotated = codec.decode(request)
    annotated["zz_" + key] = value
    encoded = codec.encode(annotated, request).content
    assert json.dumps(encoded) == json.dumps({**content, "zz_" + key: value})
    assert codec.decode(LLMRequest({}, encoded)) == annotated


@pytest.mark.parametrize("name", NAMES)
@given(content=CONTENTS, other=CONTENTS)
def test_an_edit_arrives_or_is_refused(name, content, other):
    """Whatever the annotated form is turned into: decoding what was encoded gives it again."""
    codec = codecs.by_name(name)
    request, wanted = LLMRequest({}, content), codec.decode(LLMRequest({}, other))
    try:
        encoded = codec.encode(wanted, request)
    except InvalidArgument as error:
        assert "cannot carry the edit of" in str(error)
        return
    again = codec.decode(encoded)
    if name == "gemini_generate_content":
        again, wanted = of_parts(again), of_parts(wanted)
    assert without_a_way_to_say(again) == without_a_way_to_say(wanted)


def of_parts(annotated):
    """A text alone is, with Gemini, one part."""
    made = copy.deepcopy(dict(annotated))
    messages = made["messages"] if isinstance(made["messages"], list) else []
    places = [(made, "instructions"), *((m, "content") for m in messages if isinstance(m, dict))]
    for owner, key in places:
        if isinstance(owner.get(key), str):
            owner[key] = [{"type": "text", "text": owner[key]}]
    return made


def without_a_way_to_say(annotated):
    """Empty groups say nothing."""
    said = {k: v for k, v in annotated.items() if k != "params" or v}
    if len(said.get("api_specific", {})) <= 1:
        said.pop("api_specific", None)
    return said


@pytest.mark.parametrize("name", NAMES)
@given(messages=some.lists(some.sampled_from("abcdefg"), max_size=8), data=some.data())
def test_messages_are_put_in_taken_out_and_changed(name, messages, data):
    codec = codecs.by_name(name)
    key, parts = {
        "openai_chat": ("messages", lambda text: {"content": text}),
        "openai_responses": ("input", lambda text: {"content": text}),
        "anthropic_messages": ("messages", lambda text: {"content": text}),
        "gemini_generate_content": ("contents", lambda text: {"parts": [{"text": text}]}),
    }[name]
    given_now = [{"role": "user", "odd": {"z": 1.50}, **parts(text)} for text in messages]
    request = LLMRequest({}, {key: given_now})
    annotated = codec.decode(request)
    wanted = data.draw(some.permutations(range(len(messages)))) if messages else []
    kept = wanted[: data.draw(some.integers(0, len(wanted)))]
    annotated.messages = [annotated.messages[i] for i in kept]
    encoded = codec.encode(annotated, request).content
    assert encoded == {key: [given_now[i] for i in kept]}


@given(value=VALUES)
def test_no_response_is_more_than_refused(value):
    for name in NAMES:
        codec = codecs.by_name(name)
        for response in (value, {"choices": value}, {"output": value, "usage": value},
                         {"content": value, "usage": value, "stop_reason": value},
                         {"candidates": value, "usageMetadata": value},
                         {"choices": [{"message": value, "finish_reason": value}]},
                         {"candidates": [{"content": value}]}):  # fmt: skip
            try:
                assert isinstance(codec.decode_response(response), dict)
            except InvalidArgument as error:
                assert "response decode" in str(error)


# --- Prices ---


@pytest.fixture
def priced():
    codecs.use_prices(*PRICES["catalogues"])
    yield
    codecs.use_prices()


@by_id(PRICES["costs"])
def test_a_cost_is_what_its_vector_says(case, priced):
    usage = codecs.by_name(case["codec"]).decode_response(case["response"]).usage
    assert usage.get("cost") == case["cost"]


@pytest.mark.parametrize("case", PRICES["refused"], ids=lambda case: case["message"][-30:])
def test_wrong_prices_are_refused_and_change_nothing(case, priced):
    given = case["catalogues"]
    many = isinstance(given, list)
    wanted = case["message"] if many else case["message"].replace("prices", "prices[0]", 1)
    with pytest.raises(InvalidArgument, match=re.escape(wanted)):
        default_runtime.codec_set_prices(given if many else [given])
    known = PRICES["costs"][0]
    found = codecs.by_name(known["codec"]).decode_response(known["response"])
    assert found.usage["cost"] == known["cost"]


def test_prices_come_from_a_file_and_show_in_an_event(tmp_path):
    broken = tmp_path / "prices.json"
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(InvalidArgument, match=r"prices\.json"):
        codecs.use_prices(broken)
    codecs.use_prices(ROOT / "examples/prices.json")
    try:
        response = {**SAID, "model": "example-large"}
        with testing.capture() as events:
            llm.execute_sync("a", LLMRequest({}, CHAT), lambda r: response, response_codec="auto")
        usage = events.find("a", phase="end").annotated_response.usage
        assert usage["cost"]["total"] == pytest.approx(7 * 2.5e-6 + 4 * 1e-5)
    finally:
        codecs.use_prices()
    assert "cost" not in codecs.OpenAIChatCodec().decode_response(response).usage


# --- Bad and large input ---


def test_what_is_no_object_is_refused_with_the_providers_name():
    with pytest.raises(InvalidArgument, match="OpenAI Chat response decode"):
        codecs.OpenAIChatCodec().decode_response("malformed response")
    with pytest.raises(InvalidArgument, match="Anthropic Messages request decode"):
        codecs.AnthropicMessagesCodec().decode(LLMRequest({}, []))
    with pytest.raises(InvalidArgument, match="not one of auto, openai_chat"):
        codecs.by_name("cohere")


def test_a_hundred_thousand_messages_and_a_text_of_megabytes():
    messages = [{"role": "user", "content": str(i)} for i in range(100_000)]
    messages[70_000]["content"] = "x" * 4_000_000
    codec, request = codecs.OpenAIChatCodec(), LLMRequest({}, {"messages": messages})
    annotated = codec.decode(request)
    assert annotated.messages == messages and codec.encode(annotated, request) is request
    annotated.messages[99_999]["content"] = "changed"
    del annotated.messages[5]
    encoded = codec.encode(annotated, request).content["messages"]
    assert encoded[99_998]["content"] == "changed" and len(encoded) == 99_999
    assert encoded[5] is messages[6]


def test_members_are_found_in_time_however_many_there_are_and_in_whatever_order():
    """Time that grew with the square of their number would be minutes."""
    count = 200_000
    content = {"messages": [], **{str(i): {"of": i} for i in range(count)}}
    request, codec = LLMRequest({}, content), codecs.OpenAIChatCodec()
    annotated = codec.decode(request)
    turned = codecs.AnnotatedLLMRequest.from_dict(dict(reversed(annotated.items())))
    assert codec.encode(turned, request) is request
    turned["7"] = "changed"
    del turned["8"]
    turned["new"] = 1
    encoded = codec.encode(turned, request).content
    assert (encoded["7"], encoded["new"], len(encoded)) == ("changed", 1, count + 1)
    assert "8" not in encoded and encoded["9"] is content["9"]


def test_what_a_walker_cuts_off_is_no_edit():
    deep: list = []
    for _ in range(200):
        deep = [deep]
    codec, request = codecs.OpenAIChatCodec(), LLMRequest({}, {"messages": []})
    annotated = codec.decode(request)
    annotated["odd"] = deep
    with pytest.raises(InvalidArgument, match="cannot carry the edit of odd"):
        codec.encode(annotated, request)


def test_everything_beside_an_edit_is_the_very_object():
    tools = [{"type": "function", "function": {"name": "f"}}]
    content = {"messages": ({"role": "user", "content": "a"}, {"role": "user"}), "tools": tools}
    codec, request = codecs.OpenAIChatCodec(), LLMRequest({}, content)
    annotated = codec.decode(request)
    annotated.messages[0]["content"] = "b"
    encoded = codec.encode(annotated, request).content
    assert encoded["tools"] is tools and encoded["messages"][1] is content["messages"][1]
    assert content["messages"][0]["content"] == "a"


# --- In calls ---


def test_they_are_codecs_and_not_at_the_top():
    for name in ("OpenAIChatCodec", "OpenAIResponsesCodec", "AnthropicMessagesCodec"):
        codec = getattr(codecs, name)()
        assert isinstance(codec, codecs.LlmCodec) and isinstance(codec, codecs.LlmResponseCodec)
        assert not hasattr(scopeflow, name)


@pytest.mark.parametrize("codec", ["auto", "openai_chat", codecs.OpenAIChatCodec()], ids=str)
def test_a_call_annotates_request_and_response(codec):
    with testing.capture() as events:
        llm.execute_sync(
            "openai", LLMRequest({}, CHAT), lambda request: SAID, codec=codec, response_codec=codec
        )
    start = events.find("openai", phase="start").annotated_request
    end = events.find("openai", phase="end").annotated_response
    assert (start.model, start.last_user_message()) == ("gpt-4o", "hi")
    assert end.usage == {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
    assert end.response_text() == "Hello!" and end.token_usage["output_text"] == 4


def test_an_intercept_edits_the_annotated_form_alone():
    def polite(name, request, annotated):
        annotated.messages = [{"role": "system", "content": "Be kind."}, *annotated.messages]
        return request, annotated

    with intercepts.llm_request("polite", 10, False, polite):
        sent = llm.execute_sync(
            "openai", LLMRequest({}, CHAT), lambda request: request.content, codec="auto"
        )
    assert list(sent) == list(CHAT) and sent["messages"][0]["content"] == "Be kind."


@pytest.mark.parametrize("codec", ["auto", "openai_chat"])
def test_an_intercept_edits_the_annotated_form_and_the_request(codec):
    def both(name, request, annotated):
        request.content["user"] = "u"
        annotated.messages = [*annotated.messages, {"role": "user", "content": "Hello?"}]
        return request, annotated

    def later(name, request, annotated):
        request.content["seed"] = 7
        return request

    with (
        intercepts.llm_request("both", 10, False, both),
        intercepts.llm_request("later", 20, False, later),
    ):
        sent = llm.execute_sync(
            "openai", LLMRequest({}, CHAT), lambda request: request.content, codec=codec
        )
    messages = [*CHAT["messages"], {"role": "user", "content": "Hello?"}]
    assert sent == {**CHAT, "messages": messages, "user": "u", "seed": 7}


def test_what_an_earlier_intercept_has_redacted_stays_so():
    def redact(name, request, annotated):
        for message in request.content["messages"]:
            message["content"] = "***"
        return request

    def look(name, request, annotated):
        return request, annotated

    def speak(name, request, annotated):
        annotated.messages[0]["content"] += "!"
        return request, annotated

    def run():
        return llm.execute_sync(
            "openai", LLMRequest({}, CHAT), lambda request: request.content, codec="auto"
        )

    with intercepts.llm_request("redact", 10, False, redact):
        with intercepts.llm_request("look", 20, False, look):
            assert [message["content"] for message in run()["messages"]] == ["***"]
        with intercepts.llm_request("speak", 20, False, speak):
            with pytest.raises(InvalidArgument, match=r"both edited at messages\[0\]\.content"):
                run()


def test_an_edit_that_cannot_be_carried_fails_the_call():
    def hot(name, request, annotated):
        annotated.params = {"heat": 1}
        return request, annotated

    with intercepts.llm_request("hot", 10, False, hot), testing.capture() as events:
        with pytest.raises(InvalidArgument, match=r"edit of params\.heat"):
            llm.execute_sync("openai", LLMRequest({}, CHAT), lambda r: r, codec="openai_chat")
    assert events.find("openai").data["step"] == "codec"


def test_a_response_that_cannot_be_decoded_costs_no_call(caplog):
    with caplog.at_level(logging.WARNING, "scopeflow"), testing.capture() as events:
        given_back = llm.execute_sync(
            "openai", LLMRequest({}, CHAT), lambda r: "text", response_codec="openai_chat"
        )
        by_hand = llm.call("by hand", LLMRequest({}, CHAT))
        llm.call_end(by_hand, "text", response_codec=codecs.OpenAIChatCodec())
    assert given_back == "text"
    for name in ("openai", "by hand"):
        end = events.find(name, phase="end")
        assert end.annotated_response is None
        assert end.metadata["codec.failed"] is True
    assert caplog.text.count("OpenAI Chat response decode") >= 2


def test_nothing_is_decoded_as_long_as_nobody_reads_the_event(caplog):
    names, lines = [], []

    def call():
        llm.execute_sync(
            "openai", LLMRequest({}, CHAT), lambda r: "text", response_codec="openai_chat"
        )

    with caplog.at_level(logging.WARNING, "scopeflow"):
        with subscribers.subscriber("log", lambda event: names.append(event.name)):
            call()
        assert names == ["openai", "openai"] and not caplog.records
        with subscribers.subscriber("log", lambda event: lines.append(event.to_json())):
            call()
        assert '"codec.failed":true' in lines[1] and len(caplog.records) == 1


def test_an_annotation_says_what_the_caller_did_not():
    request = LLMRequest({}, {**CHAT, "stream": True})
    with testing.capture() as events:
        llm.execute_sync("a", request, lambda r: SAID, codec="auto", response_codec="auto")
        llm.execute_sync("b", request, lambda r: SAID, codec="auto", model_name="own")
    first = events.find("a", phase="start")
    assert first.category_profile["model_name"] == "gpt-4o" and first.attributes == ["streaming"]
    assert events.find("a", phase="end").category_profile["model_name"] == SAID["model"]
    assert events.find("b", phase="start").category_profile["model_name"] == "own"


def test_an_unknown_payload_is_left_alone_and_told_once(caplog):
    caplog.set_level(logging.WARNING, "scopeflow")
    with testing.isolated(), testing.capture() as events:
        for _ in range(2):
            llm.execute_sync(
                "own", LLMRequest({}, {}), lambda r: 7, codec="auto", response_codec="auto"
            )
    end = events.find_all("own", phase="end")[1]
    assert end.annotated_response is None and "codec.failed" not in (end.metadata or {})
    assert len([one for one in caplog.records if "no codec knows" in one.message]) == 1


def test_the_annotation_is_of_what_observers_see():
    def hide(response):
        return {**SAID, "choices": [{"message": {"content": "Hidden"}}]}

    with guardrails.llm_sanitize_response("hide", 1, hide), testing.capture() as events:
        handle = llm.call("openai", LLMRequest({}, CHAT))
        llm.call_end(handle, "raw response", response_codec=codecs.OpenAIChatCodec())
    end = events.find("openai", phase="end")
    assert end.annotated_response.response_text() == "Hidden"
