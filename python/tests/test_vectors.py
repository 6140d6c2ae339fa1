"""The conformance vectors (tests/vectors), through the driver that users use: each case sync,
async, and async with every target and guard suspending once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vectors import MODES, Session

FOLDER = Path(__file__).parents[2] / "tests" / "vectors"
FEATURES = {"sync_and_async", "subscriber_cancel"}


def cases():
    for file in sorted(FOLDER.glob("*.json")):
        if file.name == "schema.json":
            continue
        document = json.loads(file.read_text("utf-8"))
        assert document["format"] == 1
        assert document["case_count"] == len(document["cases"]), f"{file.name} has been cut"
        for case in document["cases"]:
            yield pytest.param(case, id=case["id"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", list(cases()))
def test_vector(case, mode):
    missing = set(case.get("needs", ())) - FEATURES
    if missing:
        pytest.skip(f"Python has no {', '.join(sorted(missing))}")
    session = Session(case, mode)
    session.run()
    session.check()


def test_there_are_enough_vectors():
    assert len(list(cases())) >= 15
