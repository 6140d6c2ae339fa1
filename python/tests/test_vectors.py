"""The conformance vectors (tests/vectors), through the driver that users use: each case sync,
async, async with every target and guard suspending once, and with middleware in C."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import operations_gen
import pytest
import yaml
from scripts import operations_of
from vectors import FEATURES, MODES, Session

FOLDER = Path(__file__).parents[2] / "tests" / "vectors"
GAPS = {
    gap["case"]: gap["reason"]
    for gap in yaml.safe_load((FOLDER / "known_gaps.yaml").read_text("utf-8"))["python"]
}


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
    lacking = set(operations_of(case["steps"])) - operations_gen.OPERATIONS.keys()
    if lacking:
        pytest.skip(f"Python's layer has no {', '.join(sorted(lacking))} yet")
    if case["id"] in GAPS:
        with pytest.raises(AssertionError):
            replay(case, mode)
        pytest.xfail(GAPS[case["id"]])
    replay(case, mode)


def replayable():
    """The cases that Python can express."""
    for case in (parameter.values[0] for parameter in cases()):
        lacking = set(operations_of(case["steps"])) - operations_gen.OPERATIONS.keys()
        if FEATURES.issuperset(case.get("needs", ())) and not lacking and case["id"] not in GAPS:
            yield case


def replay(case, mode):
    session = Session(case, mode)
    session.run()
    session.check()
    natives = session.natives
    if "native" not in case.get("needs", ()):
        return
    session.close()
    del session
    gc.collect()
    natives.check_given_back_once()


def test_there_are_enough_vectors():
    assert len(list(cases())) >= 15
