"""Cases made at random (tests/model), replayed through the driver that users use, in every mode.

The model says what has to come out. A few hundred cases from a fixed seed; with
SCOPEFLOW_TEST_DEPTH=deep in the environment very many from a new one, which the failure names.
"""

from __future__ import annotations

import copy
import logging
import os
import random
import sys
from pathlib import Path

import operations_gen
import pytest
from scripts import operations_of
from vectors import FEATURES, MODES, Session

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from model.random_cases import random_file

IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
SEED = random.SystemRandom().randrange(1_000_000) if IS_DEEP else 1
# Parts, so that memory stays small and a failure comes early.
PARTS, CASES_IN_A_PART = (200, 50) if IS_DEEP else (8, 25)


@pytest.fixture(autouse=True)
def silence():
    """What a log keeps of errors keeps handles alive, and an abandonment would not be one."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def replayable(seed):
    for case in random_file(seed, CASES_IN_A_PART)["cases"]:
        missing = set(case.get("needs", ())) - FEATURES
        if not missing and set(operations_of(case["steps"])) <= operations_gen.OPERATIONS.keys():
            yield case


@pytest.mark.parametrize("part", range(PARTS))
def test_cases_made_at_random(part):
    seed = SEED + part
    count = 0
    for case in replayable(seed):
        for mode in MODES:
            session = Session(copy.deepcopy(case), mode)
            try:
                session.run()
                session.check()
            except AssertionError as error:
                pytest.fail(f"{case['id']} of seed {seed}, {mode}: {error!r}\n{case['steps']}")
        count += 1
    assert count > CASES_IN_A_PART // 4
