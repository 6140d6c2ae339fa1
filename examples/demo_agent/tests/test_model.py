"""The stand-in for a model: OpenAI's protocol, as the official client sees it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from demo_agent.model.protocol import MODEL
from demo_agent.model.server import serve

QUESTION = [{"role": "user", "content": "Which service had the most trouble?"}]
SQL = {"type": "function", "function": {"name": "sql", "parameters": {}}}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve(thinking_s=0.0) as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="k", max_retries=0) as client:
        yield client


def test_a_tool_call_and_its_usage(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=QUESTION, tools=[SQL])
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls
    assert call.function.name == "sql"
    assert json.loads(call.function.arguments)["statement"].startswith("SELECT")
    usage = completion.usage
    assert usage.prompt_tokens > 10
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_answer_depends_on_what_the_tools_said(client: openai.OpenAI) -> None:
    def answer(rows: list[Any]) -> str:
        messages: list[Any] = [*QUESTION]
        for number, content in enumerate(
            ({"rows": [["t", "service"], ["t", "minutes"]]}, {"rows": rows})
        ):
            call = {
                "id": f"c{number}",
                "type": "function",
                "function": {"name": "sql", "arguments": "{}"},
            }
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            messages.append(
                {"role": "tool", "tool_call_id": f"c{number}", "content": json.dumps(content)}
            )
        completion = client.chat.completions.create(model=MODEL, messages=messages, tools=[SQL])
        assert completion.choices[0].finish_reason == "stop"
        return completion.choices[0].message.content

    assert answer([["a", 1, 5]]) == "a had the most trouble: 1 incident, 5 minutes."
    assert answer([["b", 2, 9], ["a", 1, 5]]) == (
        "b had the most trouble: 2 incidents, 9 minutes (next is a with 5 minutes)."
    )
    assert answer([]) == "There were no incidents at all."


def test_without_tools_it_says_so(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=QUESTION)
    assert completion.choices[0].message.content.startswith("I do not know how")


@pytest.mark.parametrize(
    ("request_", "error", "param", "code"),
    [
        (
            {"model": "other", "messages": QUESTION},
            openai.NotFoundError,
            "model",
            "model_not_found",
        ),
        ({"messages": []}, openai.BadRequestError, "messages", None),
        ({"messages": "hello"}, openai.BadRequestError, "messages", None),
        ({"messages": [{"role": "king"}]}, openai.BadRequestError, "messages[0].role", None),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": 1}]}]},
            openai.BadRequestError,
            "messages[0].tool_calls",
            None,
        ),
        ({"messages": QUESTION, "tools": [{}]}, openai.BadRequestError, "tools", None),
        (
            {"messages": QUESTION, "stream": True},
            openai.BadRequestError,
            "stream",
            "unsupported_value",
        ),
    ],
)
def test_errors_have_the_shape_that_the_client_knows(
    client: openai.OpenAI,
    request_: dict[str, Any],
    error: type[openai.APIStatusError],
    param: str,
    code: str | None,
) -> None:
    with pytest.raises(error) as caught:
        client.chat.completions.create(**{"model": MODEL, **request_})
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.body["message"]


def test_what_a_rule_cannot_cope_with_is_a_server_error(client: openai.OpenAI) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "sql", "arguments": "{}"}}
    messages = [
        *QUESTION,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": '{"rows": [1]}'},
    ]
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=MODEL, messages=messages, tools=[SQL])
    assert caught.value.type == "server_error"


def _raw(base_url: str, method: str, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_requests_that_no_client_library_makes(base_url: str) -> None:
    path, key = "/v1/chat/completions", {"Authorization": "Bearer k"}
    assert _raw(base_url, "POST", path, b"{}")[0] == 401
    assert _raw(base_url, "POST", "/v2", b"{}", **key)[0] == 404
    assert _raw(base_url, "GET", path, b"", **key)[0] == 404
    assert _raw(base_url, "POST", path, b"{oops", **key)[0] == 400
    assert _raw(base_url, "POST", path, b"[]", **key)[0] == 400
    status, answer = _raw(base_url, "POST", path, b"", **{**key, "Content-Length": "99999999"})
    assert status == 413
    assert answer["error"]["type"] == "invalid_request_error"


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
