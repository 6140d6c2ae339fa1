"""Folders and runs that the tests of the demo share."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
sys.path.insert(0, str(REPOSITORY / "examples"))

from demo_agent import database  # noqa: E402
from demo_agent.model.server import NO_OUTAGES, Outages, Request, serve  # noqa: E402
from demo_agent.run import Settings, run  # noqa: E402

DATA = REPOSITORY / "examples" / "demo_agent" / "data"
ADVICE = "A full disk shows in the file sink: watch what its flush says."


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    answer: str
    events: list[dict[str, Any]]
    file: Path
    progress: str
    requests: list[Request]
    """What the model's server says that it was asked."""

    def starts(self, category: str) -> list[dict[str, Any]]:
        return [e for e in self.events if _is(e, "start") and e["category"] == category]

    def end(self, start: dict[str, Any]) -> dict[str, Any]:
        (end,) = [e for e in self.events if _is(e, "end") and e["uuid"] == start["uuid"]]
        return end

    def marks(self) -> list[dict[str, Any]]:
        return [e for e in self.events if e["kind"] == "mark"]

    def index(self, event: dict[str, Any]) -> int:
        return self.events.index(event)


def _is(event: dict[str, Any], side: str) -> bool:
    return event["kind"] == "scope" and event["scope_category"] == side


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The demo's own data, and one small document instead of the repository's."""
    file = tmp_path / "incidents.db"
    database.build(DATA, file)
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "advice.md").write_text(f"# Advice\n\nNothing.\n\n{ADVICE}\n")
    return Settings(file, documents, tmp_path / "events" / "run.jsonl")


@pytest.fixture
def play() -> Callable[..., Outcome]:
    """Run the demo with some settings changed."""

    def play(
        settings: Settings,
        *,
        thinking_s: float = 0.0,
        outages: Outages = NO_OUTAGES,
        **changes: Any,
    ) -> Outcome:
        progress = io.StringIO()
        settings = replace(settings, progress=progress, **changes)
        with serve(thinking_s, outages) as model:
            answer = run(settings, model.url)
        lines = settings.events.read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        return Outcome(answer, events, settings.events, progress.getvalue(), model.requests)

    return play


def change_data(folder: Path, change: Callable[[dict[str, str]], None]) -> Path:
    """Copy the demo's data to `folder` with `change` made to each incident; return the folder."""
    folder.mkdir()
    for file in DATA.glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    incidents = folder / "incidents.csv"
    with incidents.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        change(row)
    with incidents.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder
