"""The demo agent in Go, asked what the one in Python is, by the same model's server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from conftest import REPOSITORY, Outcome

from demo_agent.model.server import Outages, serve
from demo_agent.run import Settings

FOLDER = REPOSITORY / "examples" / "demo_agent" / "go"
GO = os.environ.get("SCOPEFLOW_GO_PROGRAM") or shutil.which("go")
OUTAGES = Outages({"incidents": 1, "coordinator": 1})
KEY = "sk-of-this-test"
PRICES = REPOSITORY / "examples" / "demo_agent" / "data" / "prices.json"

Play = Callable[..., Outcome]

pytestmark = pytest.mark.skipif(GO is None, reason="there is no Go")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("go") / "demo"
    command = [str(GO), "build", "-buildvcs=false", "-o", str(file), "."]
    subprocess.run(command, cwd=FOLDER, check=True)
    return file


def run(program: Path, settings: Settings, url: str) -> str:
    return run_shown(program, settings, url).stdout.removesuffix("\n")


def run_shown(program: Path, settings: Settings, url: str) -> subprocess.CompletedProcess[str]:
    options = {
        "model": url,
        "key": KEY,
        "database": settings.database,
        "documents": settings.documents,
        "prices": PRICES,
        "events": settings.events,
    }
    command = [str(program), *(f"-{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def told(events: list[dict]) -> Counter:
    """What happened, how often, and how it ended."""
    return Counter(
        (
            event["kind"],
            event.get("scope_category"),
            event["category"],
            event["name"],
            (event["metadata"] or {}).get("otel.status_code"),
        )
        for event in events
    )


def said(events: list[dict]) -> Counter:
    """What the model said in the common form. Ids and counts are of the JSON that was sent, in
    which each language has its own order."""
    found: Counter = Counter()
    for event in events:
        if event["category"] == "llm" and event.get("scope_category") == "end":
            annotated = (event["category_profile"] or {}).get("annotated_response", {})
            calls = tuple(call["name"] for call in annotated.get("tool_calls", ()))
            counted = tuple(sorted({**annotated.get("usage", {}), **annotated["token_usage"]}))
            names = ("model", "message", "finish_reason")
            found[(*map(annotated.get, names), calls, counted)] += 1
    return found


def test_it_answers_and_tells_what_the_one_in_python_does(
    settings: Settings, play: Play, program: Path
) -> None:
    there = play(settings, outages=OUTAGES)
    with serve(0.0, OUTAGES) as model:
        answer = run(program, settings, model.url)
    assert answer == there.answer

    text = settings.events.read_text("utf-8")
    events = [json.loads(line) for line in text.splitlines()]
    assert told(events) == told(there.events)
    assert said(events) == said(there.events)
    schema = json.loads((REPOSITORY / "spec" / "atof.schema.json").read_text("utf-8"))
    for event in events:
        jsonschema.validate(event, schema)
    starts = [event["uuid"] for event in events if event.get("scope_category") == "start"]
    assert len(set(starts)) == len(starts)
    for event in events:
        if event.get("scope_category") == "start" and event["category"] == "agent":
            assert event["name"] == "coordinator" or event["parent_uuid"] in starts

    for secret in (KEY, "ada@example.com", "4111 1111"):
        assert secret not in text
    assert "(hidden)" in text
    assert {r.headers["authorization"] for r in model.requests} == {f"Bearer {KEY}"}
    assert any("4111 1111" in r.body.decode() for r in model.requests)
    assert Counter(r.status for r in model.requests)[503] == 2


def test_tokens_and_costs_are_shown(settings: Settings, program: Path) -> None:
    with serve(0.0) as model:
        done = run_shown(program, settings, model.url)
    events = [json.loads(line) for line in settings.events.read_text("utf-8").splitlines()]
    ends = [e for e in events if e["category"] == "llm" and e.get("scope_category") == "end"]
    usages = [end["category_profile"]["annotated_response"]["usage"] for end in ends]
    for end, usage in zip(ends, usages, strict=True):
        assert usage["total_tokens"] == end["data"]["usage"]["total_tokens"] > 0
    shown = re.findall(r"chat.completions OK  (\d+) \+ (\d+) tokens, (\S+) USD", done.stderr)
    counts = [(int(prompt), int(completion)) for prompt, completion, _ in shown]
    assert counts == [(u["prompt_tokens"], u["completion_tokens"]) for u in usages]
    assert [float(cost) for *_, cost in shown] == [u["cost"]["total"] for u in usages]


def test_a_missing_database_is_told_by_the_agents(settings: Settings, program: Path) -> None:
    settings.database.unlink()
    with serve(0.0) as model:
        answer = run(program, settings, model.url)
    assert answer.count("I could not look up the") == 2
    assert "unable to open database file" in answer


def test_a_server_that_is_not_there_is_told(settings: Settings, program: Path) -> None:
    with serve(0.0) as model:
        url = model.url
    with pytest.raises(AssertionError, match="connection refused"):
        run(program, settings, url)
