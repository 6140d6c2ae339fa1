"""Calls of the model under management: streamed, redacted, labelled, and tried again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from conftest import Outcome

from demo_agent import middleware
from demo_agent.model.server import Outages
from demo_agent.run import Settings
from scopeflow import LLMRequest, scope, subscribers

Play = Callable[..., Outcome]

EMAIL, CARD = "ada@example.com", "4111 1111 1111 1111"
ADDRESS = "oncall@example.com"


def agent_of(outcome: Outcome, call: dict[str, Any]) -> str:
    (agent,) = [e for e in outcome.starts("agent") if e["uuid"] == call["parent_uuid"]]
    return str(agent["name"])


def marks_of(outcome: Outcome, call: dict[str, Any]) -> list[tuple[str, Any]]:
    marks = [e for e in outcome.marks() if e["parent_uuid"] == call["uuid"]]
    return [(mark["name"], mark["data"]) for mark in marks]


# --- Requests, responses, streams ---


def test_a_call_shows_request_and_response(settings: Settings, play: Play) -> None:
    outcome = play(settings)
    for start in outcome.starts("llm"):
        request, response = start["data"]["content"], outcome.end(start)["data"]
        assert start["category_profile"]["model_name"] == request["model"] == response["model"]
        assert request["messages"][0]["role"] == "system"
        usage = response["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    # A request is kept as it was sent: later turns do not show in it (S5.5).
    lengths = [len(start["data"]["content"]["messages"]) for start in outcome.starts("llm")]
    assert lengths[0] == 2
    assert lengths[-1] == 6


def test_the_coordinator_streams_and_its_event_has_the_whole(
    settings: Settings, play: Play
) -> None:
    """S4.7: the consumer gets each chunk, the end event what the finalizer makes of them."""
    outcome = play(settings)
    for start in outcome.starts("llm"):
        is_streamed = agent_of(outcome, start) == "coordinator"
        assert ("streaming" in start["attributes"]) == is_streamed
        assert ("stream.chunk_count" in outcome.end(start)["metadata"]) == is_streamed
    first, *_, last = (outcome.end(start)["data"]["choices"][0] for start in outcome.starts("llm"))
    names = [call["function"]["name"] for call in first["message"]["tool_calls"]]
    assert (first["finish_reason"], names) == ("tool_calls", ["delegate"] * 3)
    assert (last["finish_reason"], last["message"]["content"]) == ("stop", outcome.answer)
    chunk_count = outcome.end(outcome.starts("llm")[-1])["metadata"]["stream.chunk_count"]
    assert chunk_count > len(outcome.answer.split())


# --- Privacy ---


def test_no_secret_is_in_the_file_and_the_model_gets_them_all(
    settings: Settings, play: Play
) -> None:
    outcome = play(settings)
    text = outcome.file.read_text(encoding="utf-8")
    for secret in (EMAIL, CARD, settings.api_key):
        assert secret not in text
        assert secret not in outcome.progress
    assert "(hidden) was charged twice, on card (hidden)." in text
    for request in outcome.requests:
        assert request.headers["authorization"] == f"Bearer {settings.api_key}"
        asked_by_user = request.headers["x-agent"] == "coordinator"
        assert (EMAIL.encode() in request.body) == asked_by_user
        assert (CARD.encode() in request.body) == asked_by_user


@pytest.mark.parametrize("sanitizer", ["redact_request", "redact_event"])
def test_each_sanitizer_is_needed(
    settings: Settings, play: Play, monkeypatch: pytest.MonkeyPatch, sanitizer: str
) -> None:
    monkeypatch.setattr(middleware, sanitizer, lambda *given: given[-1])
    text = play(settings).file.read_text(encoding="utf-8")
    assert EMAIL in text and CARD in text
    assert settings.api_key not in text


def test_what_tools_and_models_say_is_redacted_too(settings: Settings, play: Play) -> None:
    advice = f"About the file sink one asks {ADDRESS}; the file sink is theirs.\n"
    (settings.documents / "better.md").write_text(advice)
    outcome = play(settings)
    assert ADDRESS in outcome.answer
    text = outcome.file.read_text(encoding="utf-8")
    assert ADDRESS not in text
    assert "one asks (hidden); the file sink" in text


def test_marks_are_redacted() -> None:
    seen: list[Any] = []
    with middleware.installed(), subscribers.subscriber("seen", lambda e: seen.append(e.data)):
        scope.event("note", data={"from": [EMAIL], "card": CARD.replace(" ", "")})
    assert seen == [{"from": ["(hidden)"], "card": "(hidden)"}]


@pytest.mark.parametrize(
    "text", ["2026-10-06T14:08:00Z", "call_a6c6ccbdb9c2cd83_0", "4.2.0 @ 14:08", "12345678"]
)
def test_what_is_nobodys_secret_stays(text: str) -> None:
    assert middleware.redact({"k": [text, 7, None]}) == {"k": [text, 7, None]}


# --- The header ---


def test_the_server_is_told_which_agent_asks(settings: Settings, play: Play) -> None:
    outcome = play(settings)
    received = Counter(request.headers["x-agent"] for request in outcome.requests)
    assert received == {"coordinator": 2, "incidents": 3, "deploys": 3, "documents": 3}
    for start in outcome.starts("llm"):
        assert start["data"]["headers"] == {"x-agent": agent_of(outcome, start)}


# --- Retries ---


@pytest.mark.parametrize("agent", ["deploys", "coordinator"])
def test_who_is_turned_away_asks_again(settings: Settings, play: Play, agent: str) -> None:
    """S3.7: one call, a mark for each new attempt; of a stream, too."""
    expected = play(settings).answer
    outcome = play(settings, outages=Outages({agent: 2}))
    assert outcome.answer == expected
    statuses = [r.status for r in outcome.requests if r.headers["x-agent"] == agent]
    assert statuses[:3] == [503, 503, 200] and set(statuses[3:]) <= {200}
    assert len(outcome.starts("llm")) == 11
    call, *others = (c for c in outcome.starts("llm") if agent_of(outcome, c) == agent)
    assert outcome.end(call)["metadata"]["otel.status_code"] == "OK"
    assert marks_of(outcome, call) == [
        ("backoff", {"status": 503, "wait_s": 0.05}),
        ("attempt", {"n": 2}),
        ("backoff", {"status": 503, "wait_s": 0.1}),
        ("attempt", {"n": 3}),
    ]
    assert all(marks_of(outcome, other) == [] for other in others)


@pytest.mark.parametrize(
    ("outages", "attempt_count"),
    [(Outages({"coordinator": 9}), 4), (Outages({"coordinator": 1}, retry_after_s=3), 1)],
)
def test_neither_often_nor_for_long(
    settings: Settings, play: Play, outages: Outages, attempt_count: int
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        play(settings, outages=outages)
    assert caught.value.status_code == 503
    events = [json.loads(line) for line in settings.events.read_text().splitlines()]
    assert sum(event["name"] == "attempt" for event in events) == attempt_count - 1
    (end,) = [e for e in events if e["category"] == "llm" and e.get("scope_category") == "end"]
    assert end["metadata"]["exception.type"] == "InternalServerError"


def test_without_the_retry_a_503_ends_the_work(
    settings: Settings, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "retry", lambda name, request, next: next(request))
    outcome = play(settings, outages=Outages({"deploys": 1}))
    assert "The deploys agent failed: InternalServerError: Error code: 503" in outcome.answer
    with pytest.raises(openai.InternalServerError, match="503"):
        play(settings, outages=Outages({"coordinator": 1}))


@pytest.mark.parametrize(
    ("status", "retry_after", "waits_s"),
    [
        (503, "1", [1.0, 1.0, 1.0]),
        (503, "soon", [0.05, 0.1, 0.2]),
        (503, "3", []),
        (500, "0", []),
    ],
)
def test_it_waits_as_long_as_the_server_says(
    monkeypatch: pytest.MonkeyPatch, status: int, retry_after: str, waits_s: list[float]
) -> None:
    waited_s: list[float] = []

    async def sleep(seconds: float) -> None:
        waited_s.append(seconds)

    async def fail(request: LLMRequest) -> None:
        headers = {"retry-after": retry_after}
        response: Any = SimpleNamespace(status_code=status, headers=headers, request=None)
        raise openai.APIStatusError("no", response=response, body=None)

    monkeypatch.setattr(middleware, "asyncio", SimpleNamespace(sleep=sleep))
    with pytest.raises(openai.APIStatusError):
        asyncio.run(middleware.retry("chat", LLMRequest({}, {}), fail))
    assert waited_s == waits_s
