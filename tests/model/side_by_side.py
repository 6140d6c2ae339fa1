"""Drives the core through random cases and reports where it and the model part.

`python -m model.side_by_side RUNNER --seed 1 --count 300` (in `tests`): RUNNER is a program that
takes vector files and fails if a case does, as `tests/c` builds it. A case that fails is made
smaller as long as it goes on failing, and is printed with what the runner says of it.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .random_cases import file_of, random_file
from .vectors import expected

Case = dict[str, Any]
MOST_REPORTED = 5
REQUIRED = ("name", "type", "request", "callable", "priority", "kinds", "registration")
OPTIONAL = ("collector", "finalizer", "consume", "before", "between", "marks", "annotated")
LOOKED_INTO = ("steps", "answers", "args", "target", "callable", "chunks", *OPTIONAL)


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


def smallest(runner: Runner, case: Case) -> Case:
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    cases = random_file(options.seed, options.count)["cases"]
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options.runner, folder)
        failing = list(runner.failing(cases))
        for case in failing[:MOST_REPORTED]:
            small = smallest(runner, case)
            print(json.dumps(small["steps"], indent=1, ensure_ascii=False))
            print(runner.replay([small])[1])
    print(f"{len(cases)} cases, {len(failing)} in which the runner and the model part")
    return bool(failing)


if __name__ == "__main__":
    sys.exit(main())
