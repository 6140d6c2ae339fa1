"""The mutation gate must be able to fail: each way in which a fault can go unnoticed is seen.

The environment variable SCOPEFLOW_RUNNER gives the compiler and the runner's sources, separated by
semicolons, as CMakeLists.txt does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import mutate
import pytest
from mutate import HERE, VECTORS, Build, Fault, failing_cases, judge, read_cases, read_faults

FAULTS = {fault.id: fault for fault in read_faults(HERE / "faults")}
CASES = read_cases(VECTORS)
PRIORITY = FAULTS["priority-ignored"]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    compiler, *sources = os.environ["SCOPEFLOW_RUNNER"].split(";")
    return Build(compiler, tmp_path_factory.mktemp("mutation"), map(Path, sources))


def without(rule: str) -> list[dict[str, Any]]:
    """The cases that do not cite the rule."""
    return [case for case in CASES if rule not in case["rules"]]


def test_the_core_as_it_is_passes_before_and_after_a_fault(build: Build) -> None:
    assert failing_cases(build.program(), CASES) == []
    assert judge(build, PRIORITY, CASES)[0]
    assert failing_cases(build.program(), CASES) == []


def test_a_vector_that_is_deleted_is_missed(build: Build) -> None:
    noticing = failing_cases(build.faulty_program(PRIORITY), CASES)
    is_caught, text = judge(build, PRIORITY, [c for c in CASES if c["id"] not in noticing])
    assert not is_caught
    assert text == "no vector that cites S3.2 notices it, nor does any other"


def test_a_vector_that_does_not_cite_the_rule_does_not_count(build: Build) -> None:
    cases = [{**case, "rules": ["S1.1"]} for case in CASES]
    is_caught, text = judge(build, PRIORITY, cases)
    assert not is_caught
    assert text.startswith("no vector that cites S3.2 notices it, but these do: ")
    assert "guard-order" in text


def test_each_rule_of_a_fault_has_to_be_shown(build: Build) -> None:
    is_caught, text = judge(build, replace(PRIORITY, rules=("S3.2", "S1.1")), CASES)
    assert not is_caught
    assert "no vector that cites S1.1 notices it" in text


def test_a_fault_without_effect_is_seen(build: Build) -> None:
    harmless = replace(PRIORITY, replacement=f"({PRIORITY.text})")
    assert not judge(build, harmless, CASES)[0]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"text": "no such text"}, "stands 0 times"),
        ({"text": "return NULL;"}, "stands "),
        ({"replacement": PRIORITY.text}, "replaces a text by itself"),
        ({"replacement": "no_such_name"}, "does not compile"),
    ],
)
def test_a_fault_that_does_not_fit_is_refused(
    build: Build, change: dict[str, str], text: str
) -> None:
    is_caught, said = judge(build, replace(PRIORITY, **change), CASES)
    assert not is_caught
    assert said.startswith("cannot be planted: ") and text in said


@pytest.mark.parametrize("trap", ["__builtin_trap();", "for (;;) (void)0;"])
def test_a_crash_and_an_endless_loop_are_laid_at_a_vectors_door(
    build: Build, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    monkeypatch.setattr(mutate, "SECONDS", 2)
    text = "case SCOPEFLOW_TOKEN_CYCLE:\n"
    fault = Fault("trap", "", ("S2.6",), "src/json/write.c", text, f"{text} {trap}")
    assert judge(build, fault, CASES) == (True, "S2.6 by payload-cycle")


def test_every_rule_that_a_vector_cites_has_a_fault() -> None:
    broken = {rule for fault in FAULTS.values() for rule in fault.rules}
    assert {rule for case in CASES for rule in case["rules"]} == broken
