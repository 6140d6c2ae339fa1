"""The same agents in TypeScript (`examples/demo_agent/node`): the same answers and events.

Both ask a server of this process. Events are compared as trees, for the order in which agents get
on that work at once is nobody's promise, and without ids, times and what is the language's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import REPOSITORY, Outcome

from demo_agent.model.server import NO_OUTAGES, Outages, serve
from demo_agent.run import Settings

Play = Callable[..., Outcome]

NODE = os.environ["SCOPEFLOW_NODE"]
DEMO = os.environ["SCOPEFLOW_DEMO"]

OWN_METADATA = ("exception.type", "stream.first_chunk_ns", "stream.longest_gap_ns")
"""The names of exceptions are the language's, the others are times."""
IDS = re.compile(r"\b(?:call|chatcmpl)[-_][0-9a-f]{16}")
SECRETS = ("ada@example.com", "4111 1111 1111 1111", "sk-demo-0d5e4b7a")


def run_node(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [NODE, DEMO, "--repository", str(REPOSITORY), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "PYTHON": sys.executable, **environment},
    )


def options(settings: Settings, output: Path, model_url: str) -> list[str]:
    given = {
        "database": settings.database,
        "documents": settings.documents,
        "output": output,
        "model": model_url,
    }
    return [part for name, value in given.items() for part in (f"--{name}", str(value))]


@pytest.fixture
def play_node(tmp_path: Path) -> Callable[..., Outcome]:
    """As `play`."""

    def play_node(
        settings: Settings,
        *,
        thinking_s: float = 0.0,
        outages: Outages = NO_OUTAGES,
        question: str | None = None,
        broken: tuple[str, ...] = (),
        core: str = "native",
    ) -> Outcome:
        with serve(thinking_s, outages) as model:
            given = options(settings, tmp_path / "node", model.url)
            given += [part for tool in broken for part in ("--break", tool)]
            asked = [] if question is None else [question]
            done = run_node(*given, *asked, SCOPEFLOW_CORE=core)
        assert done.returncode == 0, done.stderr
        file = tmp_path / "node" / "run.jsonl"
        events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        answer = done.stdout.rstrip("\n").rpartition("\nAnswer: ")[2]
        return Outcome(answer, events, file, done.stderr, model.requests)

    return play_node


# --- What is compared ---


class Canonical:
    """Renames ids in the order in which they come, and leaves out what is the language's own."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            # How each names the class of an error that is nothing more than an error.
            return IDS.sub(self._name, value).replace("RuntimeError: ", "Error: ")
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if isinstance(value, dict):
            # The Python client knows what else a response might have had, and says null of it.
            return {
                key: 0 if key == "created" else self.of(item)
                for key, item in sorted(value.items())
                if item is not None
            }
        return value

    def _name(self, match: re.Match[str]) -> str:
        return self._ids.setdefault(match[0], f"id {len(self._ids)}")


def forest(outcome: Outcome) -> list[dict[str, Any]]:
    """The events as a tree, each scope or call with its start, its end and what is below it."""
    canonical = Canonical()
    below: dict[str, list[dict[str, Any]]] = {}
    for event in outcome.events:
        if event.get("scope_category") != "end":
            below.setdefault(event["parent_uuid"], []).append(event)
    ends = {e["uuid"]: e for e in outcome.events if e.get("scope_category") == "end"}

    def shown(event: dict[str, Any] | None) -> Any:
        if event is None:
            return None
        kept = {k: v for k, v in event.items() if k not in ("uuid", "parent_uuid", "timestamp")}
        metadata = kept["metadata"] or {}
        kept["metadata"] = {k: v for k, v in metadata.items() if k not in OWN_METADATA}
        return canonical.of(kept)

    def node(event: dict[str, Any]) -> dict[str, Any]:
        start = shown(event)
        children = [node(child) for child in below.get(event["uuid"], [])]
        return {"start": start, "below": children, "end": shown(ends.get(event["uuid"]))}

    (top,) = below.keys() - {event["uuid"] for event in outcome.events}
    return [node(event) for event in below[top]]


def conversations(outcome: Outcome) -> dict[str, list[Any]]:
    """What the model was asked, by the agent that asked."""
    asked: dict[str, list[Any]] = {}
    for request in outcome.requests:
        asked.setdefault(request.headers["x-agent"], []).append(
            (request.status, request.headers["authorization"], json.loads(request.body))
        )
    canonical = Canonical()
    return {agent: canonical.of([list(each) for each in asked[agent]]) for agent in sorted(asked)}


# --- Tests ---


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"thinking_s": 0.02},
        {"outages": Outages({"deploys": 2, "documents": 1})},
        {"outages": Outages({"coordinator": 2})},
        {"outages": Outages({"incidents": 1}, retry_after_s=1)},
        {"question": "What is the worst service?"},
        {"question": "What time is it?"},
        {"broken": ("search",)},
        {"broken": ("sql", "search")},
    ],
    ids=lambda changes: " ".join(changes) or "as it is",
)
def test_answer_requests_and_events_are_the_same(
    settings: Settings, play: Play, play_node: Play, changes: dict[str, Any]
) -> None:
    ours, theirs = play(settings, **changes), play_node(settings, **changes)
    assert Canonical().of(theirs.answer) == Canonical().of(ours.answer)
    assert len(theirs.events) == len(ours.events)
    assert conversations(theirs) == conversations(ours)
    assert json.dumps(forest(theirs), indent=1) == json.dumps(forest(ours), indent=1)


def test_both_cores_do_the_same(settings: Settings, play_node: Play) -> None:
    outages = Outages({"incidents": 1, "coordinator": 1})
    native, wasm = (play_node(settings, outages=outages, core=c) for c in ("native", "wasm"))
    assert wasm.answer == native.answer
    assert conversations(wasm) == conversations(native)
    assert json.dumps(forest(wasm), indent=1) == json.dumps(forest(native), indent=1)


def test_the_comparison_sees_a_difference(settings: Settings, play: Play, play_node: Play) -> None:
    ours = play(settings)
    assert forest(play_node(settings, broken=("search",))) != forest(ours)
    changed = play(settings)
    changed.events[1]["data"]["content"]["messages"][0]["content"] += "!"
    assert forest(changed) != forest(ours)


def test_no_secret_is_in_the_file_and_the_model_gets_them_all(
    settings: Settings, play_node: Play
) -> None:
    outcome = play_node(settings)
    text = outcome.file.read_text(encoding="utf-8")
    assert not any(secret in text or secret in outcome.progress for secret in SECRETS)
    assert "(hidden) was charged twice, on card (hidden)." in text
    bodies = [r.body for r in outcome.requests if r.headers["x-agent"] == "coordinator"]
    assert bodies and all(secret.encode() in body for body in bodies for secret in SECRETS[:2])


def test_every_event_is_valid_and_every_start_has_one_end(
    settings: Settings, play_node: Play
) -> None:
    """S2.9 and S4.3."""
    outcome = play_node(settings, broken=("search",))
    schema = json.loads((REPOSITORY / "spec" / "atof.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for event in outcome.events:
        validator.validate(event)
    sides = Counter((e["uuid"], e.get("scope_category")) for e in outcome.events)
    assert set(sides.values()) == {1}
    starts = {uuid for uuid, side in sides if side == "start"}
    assert starts == {uuid for uuid, side in sides if side == "end"}


def test_three_sub_agents_work_at_once(settings: Settings, play_node: Play) -> None:
    outcome = play_node(settings, thinking_s=0.02)
    _, *agents = outcome.starts("agent")
    assert [agent["name"] for agent in agents] == ["incidents", "deploys", "documents"]
    last_start = max(outcome.index(agent) for agent in agents)
    assert last_start < min(outcome.index(outcome.end(agent)) for agent in agents)


def test_it_asks_neither_often_nor_for_long(settings: Settings, tmp_path: Path) -> None:
    for outages, attempts in (
        (Outages({"coordinator": 9}), 4),
        (Outages({"coordinator": 1}, retry_after_s=3), 1),
    ):
        with serve(0.0, outages) as model:
            done = run_node(*options(settings, tmp_path / "node", model.url))
        assert done.returncode == 1
        assert "InternalServerError: 503 The model is overloaded." in done.stderr
        assert len(model.requests) == attempts
        lines = (tmp_path / "node" / "run.jsonl").read_text(encoding="utf-8").splitlines()
        (end,) = [e for e in map(json.loads, lines) if _is_end_of_call(e)]
        assert end["metadata"]["exception.type"] == "InternalServerError"


def _is_end_of_call(event: dict[str, Any]) -> bool:
    return event["category"] == "llm" and event.get("scope_category") == "end"


def test_the_command_starts_the_server_and_prints_what_scopeflow_tree_shows(
    tmp_path: Path,
) -> None:
    """With the repository's own documents, and a database that it builds itself."""
    done = run_node("--output", str(tmp_path / "node"), "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.partition(".jsonl:\n\n")[2].partition("\n\nQuestion: ")[0]
    file = str(tmp_path / "node" / "run.jsonl")
    tree = [sys.executable, "-m", "scopeflow", "tree", file]
    by_command = subprocess.run(
        tree,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert shown == by_command.stdout.rstrip("\n")
    path = [str(REPOSITORY / "examples"), os.environ.get("PYTHONPATH", "")]
    python = subprocess.run(
        [sys.executable, "-m", "demo_agent", "--output", str(tmp_path / "python"), "--quiet"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "PYTHONIOENCODING": "utf-8",
        },
    )
    assert done.stdout.partition("\nQuestion: ")[2] == python.stdout.partition("\nQuestion: ")[2]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    done = run_node("--outptu", str(tmp_path))
    assert done.returncode != 0
    assert "Unknown option '--outptu'" in done.stderr
    done = run_node("--output", str(tmp_path), PYTHON=str(tmp_path / "none"))
    assert done.returncode != 0
    assert "ENOENT" in done.stderr
    done = run_node("--output", str(tmp_path), "--database", str(tmp_path / "none.db"), "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ENOENT: no such file or directory, open") >= 3
    assert "usage: demo --node" in run_node("--help").stdout
