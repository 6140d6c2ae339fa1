"""Drives the core through random cases and reports where it and the model part.

`python -m model.side_by_side RUNNER` (in `tests`): RUNNER is a program that takes vector files and
fails if a case does, as `tests/c` builds it. A case that fails is made smaller as long as it goes
on failing, and is printed with what the runner says of it. Without `--seed` and `--count` these are
300 cases of a fixed seed; with SCOPEFLOW_TEST_DEPTH=deep in the environment 10,000 of a new one.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from .random_cases import file_of, random_cases
from .vectors import expected

Case = dict[str, Any]
IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
CASE_COUNT = 10_000 if IS_DEEP else 300
PART_COUNT = 250  # cases in the memory at a time
MOST_REPORTED = 5
REQUIRED = ("name", "type", "request", "callable", "priority", "kinds", "registration")
OPTIONAL = ("collector", "finalizer", "consume", "before", "between", "marks", "annotated")
LOOKED_INTO = ("steps", "answers", "args", "target", "callable", "chunks", *OPTIONAL)


def seed_of_this_run() -> int:
    """A fixed one, or a new one each time for those who look for what is not known yet."""
    return random.SystemRandom().randrange(1_000_000) if IS_DEEP else 1


class Replays(Protocol):
    """What can tell whether cases pass."""

    def replay(self, cases: list[Case]) -> tuple[bool, str]: ...


class Runner:
    """A program that replays vector files."""

    def __init__(self, program: str, folder: str) -> None:
        self.program = program
        self.path = Path(folder) / "random.json"

    def replay(self, cases: list[Case]) -> tuple[bool, str]:
        """Whether all cases passed, and what the program said."""
        self.path.write_text(json.dumps(file_of(cases)), encoding="utf-8")
        done = subprocess.run([self.program, self.path], capture_output=True, check=False)
        return done.returncode == 0, (done.stderr + done.stdout).decode(errors="replace")

    def failing(self, cases: list[Case]) -> Iterator[Case]:
        """Those that fail, found by halving: a program that dies names no case."""
        if self.replay(cases)[0]:
            return
        if len(cases) == 1:
            yield cases[0]
            return
        middle = len(cases) // 2
        yield from self.failing(cases[:middle])
        yield from self.failing(cases[middle:])


def smallest(runner: Replays, case: Case) -> Case:
    """The case without all that can be left out while the runner still says the same of it."""
    said = _gist(runner.replay([case])[1])
    size = len(json.dumps(case)) + 1
    while len(json.dumps(case)) < size:
        size = len(json.dumps(case))
        for path in reversed(list(_removals(case))):  # what is needed stands before what needs it
            shorter = _without(case, path)
            if shorter is not None and _gist(runner.replay([shorter])[1]) == said:
                case = shorter
    return case


def _gist(said: str) -> str:
    """The first finding, without what changes as the case gets smaller."""
    return re.sub("[a-z]*[0-9]+", "", said.partition("\n")[0])


def _removals(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands that may not be needed: steps, answers, arguments, options."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield (*path, i)
            yield from _removals(item, (*path, i))
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in OPTIONAL or (path and path[-1] == "args" and key not in REQUIRED):
                yield (*path, key)
            if key in LOOKED_INTO or (path and path[-1] in ("before", "between")):
                yield from _removals(item, (*path, key))


def _without(case: Case, path: tuple[Any, ...]) -> Case | None:
    """The case without what stands there, with new expectations; none if it makes no sense."""
    shorter = copy.deepcopy(case)
    holder: Any = shorter
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    try:
        return expected(shorter)
    except (KeyError, AssertionError):
        return None  # a label or context that a later step needs


def report(runner: Replays, case: Case) -> str:
    """A failing case, as small as it gets, and what the runner says of it."""
    small = smallest(runner, case)
    steps = json.dumps(small["steps"], indent=1, ensure_ascii=False)
    return f"{case['id']}, made smaller:\n{steps}\n{runner.replay([small])[1]}"


def failing_cases(runner: Runner, seed: int, count: int) -> Iterator[Case]:
    """Those among that many cases, which are made and replayed a part at a time."""
    cases = random_cases(seed)
    for first in range(0, count, PART_COUNT):
        part = itertools.islice(cases, min(PART_COUNT, count - first))
        yield from runner.failing(list(part))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runner")
    parser.add_argument("--seed", type=int, default=seed_of_this_run())
    parser.add_argument("--count", type=int, default=CASE_COUNT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options.runner, folder)
        failing = list(failing_cases(runner, options.seed, options.count))
        for case in failing[:MOST_REPORTED]:
            print(report(runner, case))
    print(
        f"{options.count} cases of seed {options.seed}, "
        f"{len(failing)} in which the runner and the model part"
    )
    return bool(failing)


if __name__ == "__main__":
    sys.exit(main())
