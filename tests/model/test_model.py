"""The vectors against the model, the model against RFC 8785, and the comparison against itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from .payload import UNLIMITED, encode
from .vectors import differences

ROOT = Path(__file__).parents[2]
CANONICAL = ROOT.parent / "shared" / "corpora" / "json-canonicalization" / "testdata"
FILES = sorted(path for path in ROOT.glob("tests/vectors/*.json") if path.name != "schema.json")
CASES = [case for path in FILES for case in json.loads(path.read_text())["cases"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_vector(case: dict[str, Any]) -> None:
    """What a case expects is what the contract says, told a second time."""
    assert not differences(case), "\n".join([case["id"], *differences(case)])


def _case(name: str) -> dict[str, Any]:
    return copy.deepcopy(next(case for case in CASES if case["id"] == name))


def test_an_altered_line_is_seen() -> None:
    case = _case("scopes-nest")
    lines = case["expect"]["events"]["log"]
    lines[2] = lines[2].replace("in_b", "in_c")
    (found,) = differences(case)
    assert found.startswith("log, line 2:")


def test_a_missing_and_an_additional_line_are_seen() -> None:
    case = _case("scopes-nest")
    last = case["expect"]["events"]["log"].pop()
    assert len(differences(case)) == 1
    case["expect"]["events"]["log"] += [last, last]
    assert len(differences(case)) == 1


def test_an_altered_order_of_calls_is_seen() -> None:
    case = _case("guard-order")
    calls = case["expect"]["calls"]
    calls[0], calls[1] = calls[1], calls[0]
    (found,) = differences(case)
    assert found.startswith("calls: ")


def test_an_altered_count_is_seen() -> None:
    case = _case("scope-open-and-close")
    case["expect"]["stats"]["scope_event_count"] = "3"
    assert differences(case) == ["scope_event_count: expected 3, the model has 2"]


@pytest.mark.parametrize(
    ("name", "step", "expect"),
    [
        ("ancestor-with-open-descendant", 3, {"status": "not_found"}),
        ("ancestor-with-open-descendant", 4, {"out": False}),
        ("ancestor-with-open-descendant", 3, {}),
        ("scopes-nest", 1, {"status": "internal"}),
        ("tool-raises", 1, {"raise": {"type": "ValueError", "message": "no such row: 8"}}),
        ("describe-a-scope", 2, {"out": {"name": "c"}}),
        ("tool-response-sanitized", 2, {"value": {"json": '{"rows": 0}'}}),
        ("stream-to-its-end", 1, {"chunks": [{"json": '"a"'}, {"json": '"b"'}]}),
        ("stream-fails", 1, {"chunks": [{"json": '"a"'}]}),
        ("next-too-late", 3, {"status": "invalid_argument", "message": "something else"}),
    ],
)
def test_an_altered_result_is_seen(name: str, step: int, expect: dict[str, Any]) -> None:
    case = _case(name)
    case["steps"][step]["expect"] = expect
    (found,) = differences(case)
    assert found.startswith(f"step {step} ")


@pytest.mark.skipif(not CANONICAL.exists(), reason="../shared/corpora is not here")
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_canonical_form_is_that_of_rfc_8785(name: str) -> None:
    value = json.loads((CANONICAL / "input" / f"{name}.json").read_text(encoding="utf-8"))
    expected = (CANONICAL / "output" / f"{name}.json").read_text(encoding="utf-8")
    assert encode(value, UNLIMITED) == expected
