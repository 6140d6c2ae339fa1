"""The random cases are sound, and what drives them sees a difference and makes it small."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema

from .middleware import REGISTRIES
from .random_cases import random_file
from .side_by_side import smallest
from .test_model import ROOT
from .vectors import Session, differences

FILE = random_file(seed=7, count=150)


def test_a_file_is_a_vector_file() -> None:
    schema = json.loads((ROOT / "tests/vectors/schema.json").read_text())
    jsonschema.validate(FILE, schema)


def test_a_seed_makes_the_same_file_again() -> None:
    assert random_file(seed=7, count=150) == FILE
    assert random_file(seed=8, count=150) != FILE


def test_a_case_that_is_read_again_gives_the_same() -> None:
    """What was made while it was performed holds when it is performed as a whole."""
    again = json.loads(json.dumps(FILE))
    assert [found for case in again["cases"] for found in differences(case)] == []


def test_cases_reach_what_they_are_for() -> None:
    """Each kind of step, callback and outcome occurs, so that nothing goes untested unnoticed."""
    text = json.dumps(FILE)
    wanted = [
        *("scope_push", "scope_pop", "scope_event", "runtime_flush", "runtime_close"),
        *("tool_execute", "tool_call", "tool_call_end", "tool_request_intercepts"),
        *("llm_execute", "llm_call", "llm_call_end", "llm_conditional_execution"),
        *("llm_stream_execute", "before", "between", "chunk_marks", "close", "drop"),
        *("collector", "finalizer", "decode_request", "annotated", "headers/Authorization"),
        *(f"register_{name}" for name in REGISTRIES),
        *("keep_next", "result_of", "catch", "marks", "edit", "nothing", "refuse", "break_chain"),
        *("fork", "abandon", "propagate", "subscriber_cancel", "Cancelled"),
        *("not_found", "already_exists", "invalid_argument", "invalid_state"),
        *("guardrail_rejected", "scope.detached_from", "abandoned", "$truncated", "$cycle"),
        *("data.null", "rejected", "attempt", "llm.chunk", "sanitize.failed", "codec.failed"),
        *("finalizer.failed", "stream.longest_gap_ns", "annotated_request", "injected"),
    ]
    assert [word for word in wanted if f'"{word}' not in text.replace("\\", "")] == []


def test_each_start_has_one_end() -> None:
    """S4.3, whatever went wrong in between; a closed runtime leaves nothing open (S6.1)."""
    for case in FILE["cases"]:
        session = Session(copy.deepcopy(case))
        performed = session.run(case["steps"])
        for lines in performed.events.values():
            seen: set[tuple[str, str]] = set()
            for event in map(json.loads, lines):
                key = (event["uuid"], event.get("scope_category", "mark"))
                assert key not in seen, (case["id"], event)
                assert key[1] != "start" or (key[0], "end") not in seen, (case["id"], event)
                seen.add(key)
        runtime = session.runtime
        assert not runtime.is_closed or not any(scope.is_open for scope in runtime.opened)


class _FaultyRunner:
    """Fails each case in which a tool called `fetch` runs."""

    def replay(self, cases: list[dict[str, Any]]) -> tuple[bool, str]:
        is_well = all('"fetch"' not in json.dumps(case["steps"]) for case in cases)
        return is_well, "" if is_well else f"{cases[0]['id']}: fetch\n"


def test_a_failing_case_is_made_small() -> None:
    runner: Any = _FaultyRunner()
    case = next(case for case in FILE["cases"] if not runner.replay([case])[0])
    steps = smallest(runner, case)["steps"]
    assert len(steps) <= 2  # what keeps the call from its target may have to stay
    assert not runner.replay([{"id": "x", "steps": steps}])[0]
