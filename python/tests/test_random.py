"""Cases made at random (tests/model), replayed through the driver that users use, in every mode.

The model says what has to come out. 300 cases of a fixed seed; with SCOPEFLOW_TEST_DEPTH=deep in
the environment 10,000 of a new one. A case that fails is made smaller before it is printed.
"""

from __future__ import annotations

import copy
import itertools
import json
import sys
from pathlib import Path

import operations_gen
import pytest
from scripts import operations_of
from vectors import FEATURES, MODES, CannotLetGo, Session

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from model.random_cases import random_cases
from model.side_by_side import CASE_COUNT, report, seed_of_this_run, smallest

SEED = seed_of_this_run()
PART_COUNT = 50  # Cases of a test, so that a failure comes early.


pytestmark = pytest.mark.usefixtures("quiet_and_unencumbered")


class InProcess:
    """Replays cases here, as the C runner does in a process of its own."""

    def __init__(self, mode):
        self.mode = mode

    def replay(self, cases):
        for case in cases:
            session = Session(copy.deepcopy(case), self.mode)
            try:
                session.run()
                session.check()
            except CannotLetGo:
                continue
            except BaseException as error:
                return False, f"{type(error).__name__}: {error}"
            finally:
                session.close()
        return True, ""


def can_be_replayed(case):
    missing = set(case.get("needs", ())) - FEATURES
    return not missing and set(operations_of(case["steps"])) <= operations_gen.OPERATIONS.keys()


@pytest.fixture(scope="module")
def cases():
    return filter(can_be_replayed, random_cases(SEED))


@pytest.mark.parametrize("part", range(CASE_COUNT // PART_COUNT))
def test_cases_made_at_random(cases, part):
    for case in itertools.islice(cases, PART_COUNT):
        for mode in MODES:
            runner = InProcess(mode)
            if not runner.replay([case])[0]:
                pytest.fail(f"seed {SEED}, {mode}: {report(runner, case)}")


def test_a_wrong_expectation_is_found_and_made_small():
    """The test of the test: a case that expects what does not come out."""
    cases = filter(can_be_replayed, random_cases(1))
    heard = (case for case in cases if '\\"start\\"' in json.dumps(case["expect"]["events"]))
    case = min(itertools.islice(heard, 20), key=lambda case: len(str(case)))

    class Faulty(InProcess):
        def replay(self, cases):
            altered = copy.deepcopy(cases)
            for lines in altered[0]["expect"]["events"].values():
                lines[:] = [line.replace('"start"', '"begin"') for line in lines]
            return super().replay(altered)

    runner = Faulty("sync")
    assert not runner.replay([case])[0]
    small = smallest(runner, case)
    assert len(str(small["steps"])) < len(str(case["steps"])) / 2
    assert "made smaller" in report(runner, case)
