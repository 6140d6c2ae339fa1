"""The published schema of events takes what is ATOF 0.1, ours and the peers', and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .conftest import ROOT

CORPORA = ROOT.parent / "shared" / "corpora" / "atof"
UUID = "01900000-0000-7000-8000-00000000000a"
COMMON = {
    "atof_version": "0.1",
    "parent_uuid": "01900000-0000-7000-8000-000000000001",
    "uuid": UUID,
    "timestamp": "2026-11-22T14:04:09.098078062Z",
    "name": "search",
    "data": {"q": 1},
    "data_schema": None,
    "metadata": None,
}
TAIL = {"category": "tool", "category_profile": {"tool_call_id": "7"}}
SCOPE = {"kind": "scope", **COMMON, "scope_category": "start", "attributes": ["remote"], **TAIL}
MARK = {"kind": "mark", **COMMON, "category": None, "category_profile": None}
EVENTS = {"scope": SCOPE, "mark": MARK}

# Key -> values that are wrong for it in either kind of event, unless they are named.
WRONG = {
    "kind": [None, 1, "", "span", "Scope"],
    "atof_version": [None, 0.1, "0.2", "1.0"],
    "parent_uuid": [1, "", "root", {}],
    "uuid": [None, 1, "", "a", f"{UUID}0", f"{{{UUID}}}", UUID.replace("a", "g"), UUID[:-1]],
    "timestamp": [
        None, True, 1.5, "", "yesterday", "2026-11-22", "2026-11-22T14:04:09", {},
        "2026-13-22T14:04:09Z", "2026-11-32T14:04:09Z", "2026-11-22T24:04:09Z",
        "2026-11-22T14:60:09Z", "2026-11-22T14:04:61Z", "2026-11-22T14:04:09.Z",
        "2026-11-22T14:04:09.1234567890Z", "2026-11-22T14:04:09+0100", "2026-11-22T14:04:09+24:00",
    ],
    "name": [None, 1, []],
    "data_schema": ["s", 1, []],
    "scope_category": [None, "", "middle"],
    "attributes": [None, "remote", {}, [1], [None], ["remote", "remote"]],
    "category": [1, [], {}],
    "category_profile": ["p", 1, [], {"tool_call_id": 7}, {"subtype": None}, {"model_name": []}],
}  # fmt: skip
RIGHT = {
    "parent_uuid": [None, UUID.upper()],
    "uuid": [UUID.upper(), "00000000-0000-0000-0000-000000000000"],
    "timestamp": [
        0, -1, 1795356249098078, "2026-11-22T14:04:09Z", "2026-11-22t14:04:60.5z",
        "2026-11-22 14:04:09.098078062+05:30",
    ],
    "data": [None, 1, "text", [], {}],
    "metadata": [None, "text", {"otel.status_code": "OK"}],
    "data_schema": [{"name": "n"}],
    "category": ["agent", "of another tool"],
    "category_profile": [{}, {"annotated_request": {}}],
}  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "spec" / "atof.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def cases(values: dict[str, list[Any]]):
    return [
        pytest.param(event, key, value, id=f"{kind}-{key}-{value}")
        for kind, event in EVENTS.items()
        for key in values
        if key in event
        for value in values[key]
    ]


@pytest.mark.parametrize(("event", "key"), [(e, key) for e in EVENTS.values() for key in e])
def test_every_key_is_needed(validator, event, key):
    assert validator.is_valid(event)
    assert not validator.is_valid({k: value for k, value in event.items() if k != key})


@pytest.mark.parametrize(("event", "key", "value"), cases(WRONG))
def test_a_wrong_value_is_refused(validator, event, key, value):
    assert not validator.is_valid({**event, key: value})


@pytest.mark.parametrize(("event", "key", "value"), cases(RIGHT))
def test_what_a_reader_takes_is_valid(validator, event, key, value):
    assert validator.is_valid({**event, key: value})


def test_a_scope_has_a_category(validator):
    assert not validator.is_valid({**SCOPE, "category": None})


@pytest.mark.parametrize("value", [None, 1, "text", []])
def test_an_event_is_an_object(validator, value):
    assert not validator.is_valid(value)


def test_keys_of_other_tools_do_no_harm(validator):
    assert validator.is_valid({**SCOPE, "propagation_root_uuid": UUID})


def test_events_of_the_peers_are_valid(validator):
    if not CORPORA.is_dir():
        pytest.skip("the corpora are not here, in ../shared/corpora beside the repository")
    files: list[Path] = sorted(CORPORA.glob("*.jsonl"))
    assert len(files) == 2
    for file in files:
        lines = file.read_text("utf-8").splitlines()
        assert lines
        for line in lines:
            validator.validate(json.loads(line))
