"""Every case of tests/vectors with a fault at each of its places in turn: each callable fails, is
cancelled or exits, each wait is cancelled, closed or dropped, each stream is closed or dropped
before each chunk. After each: one end for each start (S4.3), what was refused has changed nothing
(S7.3), a cancellation or exit has come out (S4.4, S5.2), and the runtime goes on. That memory runs
out at each allocation, the C runner tries.
"""

from __future__ import annotations

import pytest
import test_vectors
from faults import BEFORE_CHUNKS, IN_CALLABLES, IN_WAITING, FaultySession

RUNS = [(kind, mode) for kind in IN_CALLABLES for mode in ("sync", "suspending")]
RUNS += [(kind, "suspending") for kind in IN_WAITING]
RUNS += [(kind, mode) for kind in BEFORE_CHUNKS for mode in ("sync", "async")]
# At least so many places were reached when this was written, with some to spare.
PLACE_COUNTS = {**dict.fromkeys(IN_CALLABLES, 3_600), **dict.fromkeys(IN_WAITING, 940)}
PLACE_COUNTS |= dict.fromkeys(BEFORE_CHUNKS, 110)


pytestmark = pytest.mark.usefixtures("quiet_and_unencumbered")


def replay(case, mode, kind, at):
    """Whether there was such a place."""
    session = FaultySession(case, mode, kind, at)
    try:
        session.run()
    except BaseException as error:
        session.claim("propagate" in str(case), f"{error!r} has come out of the case")
    has_struck = session.place_count >= at
    session.check()
    session.close()
    return has_struck


# A callable that is dropped where it waits cleans up, and nobody takes what that raises.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("kind", "mode"), RUNS)
def test_a_fault_at_every_place(kind, mode):
    count = 0
    for case in test_vectors.replayable():
        at = 1
        while True:
            try:
                has_struck = replay(case, mode, kind, at)
            except AssertionError as error:
                pytest.fail(f"{case['id']}, {kind} at {at}, {mode}: {error}")
            if not has_struck:
                break
            at += 1
        count += at - 1
    assert count >= PLACE_COUNTS[kind]
