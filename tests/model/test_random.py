"""The random cases are sound, and what drives them sees a difference and makes it small."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from .random_cases import random_file
from .side_by_side import smallest
from .test_model import ROOT
from .vectors import differences

FILE = random_file(seed=7, count=60)


def test_a_file_is_a_vector_file() -> None:
    schema = json.loads((ROOT / "tests/vectors/schema.json").read_text())
    jsonschema.validate(FILE, schema)


def test_a_seed_makes_the_same_file_again() -> None:
    assert random_file(seed=7, count=60) == FILE
    assert random_file(seed=8, count=60) != FILE


def test_a_case_that_is_read_again_gives_the_same() -> None:
    """What was made while it was performed holds when it is performed as a whole."""
    again = json.loads(json.dumps(FILE))
    assert [found for case in again["cases"] for found in differences(case)] == []


def test_cases_reach_what_they_are_for() -> None:
    """Each kind of step, callback and outcome occurs, so that nothing goes untested unnoticed."""
    text = json.dumps(FILE)
    wanted = [
        *("scope_push", "scope_pop", "scope_event", "tool_execute", "runtime_flush"),
        *(
            "fork",
            "abandon",
            "propagate",
            "refuse",
            "subscriber_cancel",
            "not_found",
            "already_exists",
        ),
        *("invalid_argument", "guardrail_rejected", "Cancelled"),
        *("scope.detached_from", "abandoned", "$truncated", "$cycle", "data.null", "rejected"),
    ]
    assert [word for word in wanted if f'"{word}' not in text.replace("\\", "")] == []


class _FaultyRunner:
    """Fails each case in which a tool called `fetch` runs."""

    def replay(self, cases: list[dict[str, Any]]) -> tuple[bool, str]:
        is_well = all('"fetch"' not in json.dumps(case["steps"]) for case in cases)
        return is_well, "" if is_well else f"{cases[0]['id']}: fetch\n"


def test_a_failing_case_is_made_small() -> None:
    runner: Any = _FaultyRunner()
    case = next(case for case in FILE["cases"] if not runner.replay([case])[0])
    steps = smallest(runner, case)["steps"]
    assert len(steps) == 1
    assert not runner.replay([{"id": "x", "steps": steps}])[0]
