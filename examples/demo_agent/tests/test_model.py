"""The stand-in for a model: OpenAI's protocol, as the official client sees it."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from demo_agent.model.protocol import MODEL
from demo_agent.model.server import Outages, serve

QUESTION = [{"role": "user", "content": "Which service had the most trouble?"}]
SQL = {"type": "function", "function": {"name": "sql", "parameters": {}}}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve(thinking_s=0.0) as model:
        yield model.url


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


@pytest.mark.parametrize("tools", [[], [SQL]])
def test_a_stream_makes_up_the_same_answer(client: openai.OpenAI, tools: list[Any]) -> None:
    request: dict[str, Any] = {"model": MODEL, "messages": QUESTION, "tools": tools}
    whole = client.chat.completions.create(**request)
    state = ChatCompletionStreamState()
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(**request, stream=True, stream_options=options))
    for chunk in chunks:
        state.handle_chunk(chunk)
    joined = state.current_completion_snapshot
    assert len(chunks) > 8
    assert joined.choices[0].finish_reason == whole.choices[0].finish_reason
    assert (joined.choices[0].message.content or None) == whole.choices[0].message.content
    for one, other in zip(
        joined.choices[0].message.tool_calls or [],
        whole.choices[0].message.tool_calls or [],
        strict=True,
    ):
        assert json.loads(one.function.arguments) == json.loads(other.function.arguments)
    assert joined.usage.completion_tokens == whole.usage.completion_tokens
    assert all(
        chunk.usage is None for chunk in client.chat.completions.create(**request, stream=True)
    )


def test_a_client_that_leaves_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"model": MODEL, "messages": QUESTION, "stream": True}).encode()
    headers = {"Authorization": "Bearer k"}
    with serve(thinking_s=0.05) as model:
        connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=10)
        connection.request("POST", "/v1/chat/completions", body, headers)
        # Not waiting for what is still on its way: the server's writes fail.
        linger = struct.pack("ii", 1, 0)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()
        assert _send(model.url, "POST", "/v1/chat/completions", body, headers).status == 200
    assert capfd.readouterr().err == ""


def test_an_overloaded_server_says_when_to_come_back() -> None:
    with serve(thinking_s=0.0, outages=Outages({"a": 1}, retry_after_s=7)) as model:

        def ask(agent: str) -> tuple[int, str | None]:
            body = json.dumps({"model": MODEL, "messages": QUESTION}).encode()
            headers = {"Authorization": "Bearer k", "X-Agent": agent}
            raw = _send(model.url, "POST", "/v1/chat/completions", body, headers)
            return raw.status, raw.headers["Retry-After"]

        assert [ask("b"), ask("a"), ask("a")] == [(200, None), (503, "7"), (200, None)]
        assert [request.status for request in model.requests] == [200, 503, 200]


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
        ({"messages": QUESTION, "stream": "yes"}, openai.BadRequestError, "stream", None),
        (
            {"messages": QUESTION, "stream": True, "stream_options": True},
            openai.BadRequestError,
            "stream_options",
            None,
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


class Raw(NamedTuple):
    """A response as it comes."""

    status: int
    headers: Message
    body: bytes


def _send(base_url: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> Raw:
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Raw(response.status, response.headers, response.read())
    finally:
        connection.close()


def test_a_stream_is_made_of_server_sent_events(base_url: str) -> None:
    body = json.dumps({"model": MODEL, "messages": QUESTION, "stream": True}).encode()
    raw = _send(base_url, "POST", "/v1/chat/completions", body, {"Authorization": "Bearer k"})
    assert raw.headers["Content-Type"] == "text/event-stream"
    *events, done, rest = raw.body.decode().split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(pieces) == "I do not know how to do that with the tools that I have."
    assert pieces.count("") == 2  # The first one, which says whose message it is, and the last.


def test_requests_that_no_client_library_makes(base_url: str) -> None:
    path, key = "/v1/chat/completions", {"Authorization": "Bearer k"}
    assert _send(base_url, "POST", path, b"{}", {}).status == 401
    assert _send(base_url, "POST", "/v2", b"{}", key).status == 404
    assert _send(base_url, "GET", path, b"", key).status == 404
    assert _send(base_url, "POST", path, b"{oops", key).status == 400
    assert _send(base_url, "POST", path, b"[]", key).status == 400
    raw = _send(base_url, "POST", path, b"", {**key, "Content-Length": "99999999"})
    assert raw.status == 413
    assert json.loads(raw.body)["error"]["type"] == "invalid_request_error"


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
