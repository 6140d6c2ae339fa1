"""The demo agent in Go, asked what the one in Python is, by the same model's server."""

from __future__ import annotations

import json
import os
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

Play = Callable[..., Outcome]

pytestmark = pytest.mark.skipif(GO is None, reason="there is no Go")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("go") / "demo"
    command = [str(GO), "build", "-buildvcs=false", "-o", str(file), "."]
    subprocess.run(command, cwd=FOLDER, check=True)
    return file


def run(program: Path, settings: Settings, url: str) -> str:
    options = {
        "model": url,
        "key": KEY,
        "database": settings.database,
        "documents": settings.documents,
        "events": settings.events,
    }
    command = [str(program), *(f"-{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


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
