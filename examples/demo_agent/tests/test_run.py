"""The main job: what the agents answer, and what the run leaves in the event file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from conftest import ADVICE, REPOSITORY, Outcome, change_data

from demo_agent import database, middleware
from demo_agent.run import Settings

Play = Callable[..., Outcome]

TROUBLE = (
    "checkout-agent had the most trouble: 3 incidents, 187 minutes "
    "(next is search-agent with 52 minutes)."
)
REFUSAL = "only statements that read are allowed, and this one begins with UPDATE"
CAUSE = (
    "The likely cause is version 4.2.0, deployed by mara 23 minutes before the first incident, "
    f"so roll checkout-agent back. Recording that was refused: {REFUSAL}."
)
DOCUMENT = f"Most trouble is about the file sink; advice.md, line 5, says: {ADVICE}"


def test_the_answer_comes_from_database_and_documents(settings: Settings, play: Play) -> None:
    assert play(settings).answer == f"{TROUBLE} {CAUSE} {DOCUMENT}"
    assert play(settings).answer == f"{TROUBLE} {CAUSE} {DOCUMENT}"


def test_another_database_gives_another_answer(
    settings: Settings, play: Play, tmp_path: Path
) -> None:
    def change(incident: dict[str, str]) -> None:
        if incident["service"] == "search-agent":
            incident.update(minutes="120", topic="payload")

    file = tmp_path / "changed.db"
    database.build(change_data(tmp_path / "data", change), file)
    answer = play(settings, database=file).answer
    assert "search-agent had the most trouble: 2 incidents, 240 minutes" in answer
    assert "next is checkout-agent with 187 minutes" in answer
    assert "version 2.8.0, deployed by ines 4367 minutes before" in answer
    assert "about the payload, of which our documents say nothing" in answer


def test_a_database_without_incidents(settings: Settings, play: Play, tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    folder = change_data(tmp_path / "data", lambda incident: None)
    header = (folder / "incidents.csv").read_text().splitlines()[0]
    (folder / "incidents.csv").write_text(header + "\n")
    database.build(folder, file)
    assert play(settings, database=file).answer == (
        "There were no incidents at all. Without incidents no deploy is to blame. "
        "Without incidents there is no topic to look for."
    )


def test_other_documents_give_another_answer(settings: Settings, play: Play) -> None:
    (settings.documents / "better.md").write_text("The file sink is a file; every sink is.\n")
    assert "better.md, line 1, says: The file sink is a file" in play(settings).answer


def test_a_broken_search_changes_the_answer(settings: Settings, play: Play) -> None:
    outcome = play(settings, broken={"search"})
    failure = "I could not search the documents: RuntimeError: the tool search is broken."
    assert outcome.answer == f"{TROUBLE} {CAUSE} {failure}"
    (search,) = [start for start in outcome.starts("tool") if start["name"] == "search"]
    metadata = outcome.end(search)["metadata"]
    assert metadata["otel.status_code"] == "ERROR"
    assert metadata["exception.type"] == "RuntimeError"
    assert metadata["otel.status_description"] == "the tool search is broken"


def test_broken_sql_changes_every_part_of_the_answer(settings: Settings, play: Play) -> None:
    outcome = play(settings, broken={"sql"})
    assert outcome.answer == (
        "I could not look up the incidents: RuntimeError: the tool sql is broken. "
        "I could not look up the deploys: RuntimeError: the tool sql is broken. "
        "I could not search the documents: RuntimeError: the tool sql is broken."
    )


def test_a_missing_database_is_told_by_the_agents(settings: Settings, play: Play) -> None:
    answer = play(settings, database=settings.database.with_name("absent.db")).answer
    assert answer.count("OperationalError: unable to open database file") == 3


def test_only_the_agents_that_the_question_needs(settings: Settings, play: Play) -> None:
    outcome = play(settings, question="What is the worst service?")
    assert outcome.answer == TROUBLE
    assert [start["name"] for start in outcome.starts("agent")] == ["coordinator", "incidents"]
    outcome = play(settings, question="What time is it?")
    assert outcome.answer.startswith("I can say which service is in trouble")


def test_three_sub_agents_work_at_once(settings: Settings, play: Play) -> None:
    outcome = play(settings, thinking_s=0.02)
    coordinator, *agents = outcome.starts("agent")
    assert coordinator["name"] == "coordinator"
    assert [agent["name"] for agent in agents] == ["incidents", "deploys", "documents"]
    last_start = max(outcome.index(agent) for agent in agents)
    first_end = min(outcome.index(outcome.end(agent)) for agent in agents)
    assert last_start < first_end


def test_work_hangs_under_the_scope_that_it_belongs_to(settings: Settings, play: Play) -> None:
    """S4.6: what happens in a tool is the tool's child, under concurrency too (S1.9)."""
    outcome = play(settings, thinking_s=0.02)
    by_uuid = {e["uuid"]: e for e in outcome.events if e.get("scope_category") == "start"}
    coordinator, *agents = outcome.starts("agent")
    for agent in agents:
        delegate = by_uuid[agent["parent_uuid"]]
        assert (delegate["name"], delegate["parent_uuid"]) == ("delegate", coordinator["uuid"])
        assert delegate["data"]["agent"] == agent["name"]
    counts = Counter(
        (by_uuid[start["parent_uuid"]]["name"], start["name"])
        for category in ("llm", "tool")
        for start in outcome.starts(category)
    )
    assert counts == {
        ("coordinator", "chat.completions"): 2,
        ("coordinator", "delegate"): 3,
        ("incidents", "chat.completions"): 3,
        ("incidents", "sql"): 2,
        ("deploys", "chat.completions"): 3,
        ("deploys", "sql"): 1,
        ("documents", "chat.completions"): 3,
        ("documents", "sql"): 1,
        ("documents", "search"): 1,
    }


def test_the_guardrail_refuses_one_call(settings: Settings, play: Play) -> None:
    """S4.5: one mark, no span, and the database is as it was."""
    before = hashlib.sha256(settings.database.read_bytes()).hexdigest()
    outcome = play(settings)
    (mark,) = outcome.marks()
    (deploys,) = [start for start in outcome.starts("agent") if start["name"] == "deploys"]
    assert (mark["name"], mark["category"]) == ("sql", "guardrail")
    assert mark["parent_uuid"] == deploys["uuid"]
    assert mark["data"] == {
        "rejected": True,
        "rejection_reason": REFUSAL,
        "guardrail": "read-only SQL",
    }
    statements = [
        start["data"]["statement"]
        for start in outcome.starts("tool")
        if "statement" in start["data"]
    ]
    assert not any("UPDATE" in statement for statement in statements)
    assert hashlib.sha256(settings.database.read_bytes()).hexdigest() == before


def test_without_the_guardrail_the_database_refuses(
    settings: Settings, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "refuse_writes", lambda name, arguments: None)
    outcome = play(settings)
    assert (
        "Recording that failed: OperationalError: attempt to write a readonly database"
        in outcome.answer
    )
    assert outcome.marks() == []


@pytest.mark.parametrize(
    ("statement", "is_refused"),
    [
        ("SELECT 1", False),
        ("\n (select 1)", False),
        ("WITH a AS (SELECT 1) SELECT * FROM a", False),
        ("DELETE FROM incidents", True),
        ("drop table incidents", True),
        ("-- SELECT\nDELETE FROM incidents", True),
        ("", True),
    ],
)
def test_what_the_guardrail_lets_through(statement: str, is_refused: bool) -> None:
    assert (middleware.refuse_writes("sql", {"statement": statement}) is not None) == is_refused
    assert middleware.refuse_writes("search", {"query": "DELETE"}) is None


def test_every_event_is_valid_and_every_start_has_one_end(settings: Settings, play: Play) -> None:
    """S2.9 and S4.3."""
    outcome = play(settings, broken={"search"})
    schema = json.loads((REPOSITORY / "spec" / "atof.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for event in outcome.events:
        validator.validate(event)
    sides = Counter(
        (e["uuid"], e["scope_category"]) for e in outcome.events if e["kind"] == "scope"
    )
    assert set(sides.values()) == {1}
    assert {uuid for uuid, side in sides if side == "start"} == {
        uuid for uuid, side in sides if side == "end"
    }
    assert all(
        outcome.end(start)["metadata"]["otel.status_code"] in ("OK", "ERROR")
        for category in ("agent", "llm", "tool")
        for start in outcome.starts(category)
    )


def test_progress_is_shown_for_every_event(settings: Settings, play: Play) -> None:
    outcome = play(settings)
    lines = outcome.progress.splitlines()
    assert lines.pop(-3) == " " * 24 + outcome.answer
    assert len(lines) == len(outcome.events)
    assert "> agent coordinator" in lines[0]
    assert "< agent coordinator OK" in lines[-1]
    assert sum("deploys      ! sql refused: only statements" in line for line in lines) == 1


def run_module(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = [str(REPOSITORY / "examples"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.run(
        [sys.executable, "-m", "demo_agent", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
    )


def test_the_command_prints_tree_and_answer(tmp_path: Path) -> None:
    done = run_module("--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("agent coordinator ") and "  OK  " in line for line in lines)
    for agent in ("incidents", "deploys", "documents"):
        assert any(line.startswith(f"│  └─ agent {agent} ") and "  OK  " in line for line in lines)
    assert sum("refused: only statements that read" in line for line in lines) == 2
    assert lines[-1].startswith(f"Answer: {TROUBLE} {CAUSE} Most trouble is about the file sink; ")
    assert "> agent coordinator" in done.stderr


def test_the_tree_shows_tokens_of_calls_and_agents(tmp_path: Path) -> None:
    tree = run_module("--output", str(tmp_path), "--quiet").stdout
    shown = re.findall(r"(agent|llm) (\S+) .* OK  ([\d,]+) \+ ([\d,]+) tokens", tree)
    tokens = [(name, *(int(n.replace(",", "")) for n in counts)) for _, name, *counts in shown]
    events = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    ends = [e for e in events if e["category"] == "llm" and e.get("scope_category") == "end"]
    usages = [end["category_profile"]["annotated_response"]["usage"] for end in ends]
    for end, usage in zip(ends, usages, strict=True):
        assert usage.items() >= {"prompt_tokens": end["data"]["usage"]["prompt_tokens"]}.items()
        assert usage["total_tokens"] == end["data"]["usage"]["total_tokens"]
    cost = sum(usage["cost"]["total"] for usage in usages)
    assert cost and f"tokens, {cost:.6g} USD\n" in tree[tree.index("agent coordinator") :]
    calls = [counts for name, *counts in tokens if name == "chat.completions"]
    assert sorted(calls) == sorted([u["prompt_tokens"], u["completion_tokens"]] for u in usages)
    agents = {name: counts for name, *counts in tokens if name != "chat.completions"}
    assert agents["coordinator"] == [sum(column) for column in zip(*calls, strict=True)]
    for name, first in (("incidents", 1), ("deploys", 4), ("documents", 7)):
        three = calls[first : first + 3]
        assert agents[name] == [sum(column) for column in zip(*three, strict=True)]


def test_the_readme_shows_such_a_run(tmp_path: Path) -> None:
    """Line by line, down to where it breaks off; but figures, which differ from run to run."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("    scopeflow tree .demo/run.jsonl\n\n")[2].partition("    ┆")[0]
    tree = run_module("--output", str(tmp_path), "--quiet").stdout.partition(".jsonl:\n\n")[2]

    def without_figures(text: str) -> list[str]:
        lines = re.sub(r"\d[\d,.]*( (µs|ms|s)\b)?", "#", text).splitlines()
        return [re.sub("  +", "  ", line.removeprefix("    ")) for line in lines]

    expected = without_figures(shown)
    assert len(expected) > 10
    for line, promised in zip(without_figures(tree), expected, strict=False):
        whole, is_cut, _ = promised.partition(" …")
        assert line.startswith(whole) if is_cut else line == whole


def test_the_command_takes_a_database_and_breaks_tools(settings: Settings, tmp_path: Path) -> None:
    output, file = str(tmp_path / "out"), str(settings.database)
    done = run_module("--output", output, "--database", file, "--break", "search", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "the tool search is broken" in done.stdout.splitlines()[-1]
    assert "ERROR: RuntimeError: the tool search is broken" in done.stdout


def test_nothing_stays_registered(settings: Settings, play: Play) -> None:
    """A second run in the same process would fail with `already_exists` otherwise (S3.3)."""
    first = play(settings)
    second = play(replace(settings, events=settings.events.with_name("second.jsonl")))
    assert len(first.events) == len(second.events)
    assert len(first.file.read_text().splitlines()) == len(first.events)
