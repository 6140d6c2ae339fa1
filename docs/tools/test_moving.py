"""The guide for those who move over says what is so."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import differences
import pytest

import scopeflow

PAGE = differences.PAGE.read_text("utf-8")
DATA = differences.read_differences()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
# What each prints, and how what it logs begins.
OUTCOMES = [
    ("division by zero\nnot today\n", ""),
    ("", "tool sanitize-request guardrail 'forgetful' "),
    ("{'answer from': 'small'}\n", ""),
]


@pytest.mark.parametrize(("program", "outcome"), [*zip(PROGRAMS, OUTCOMES, strict=True)])
def test_the_programs_do_as_is_said(program, outcome):
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    printed, logged = outcome
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
    assert done.stderr.startswith(logged) if logged else not done.stderr


@pytest.mark.parametrize("name", [name for row in DATA["absent"] for name in row["names"]])
def test_what_is_said_to_be_absent_is(name):
    module, _, member = name.rpartition(".")
    owner = importlib.import_module(f"scopeflow.{module}") if module else scopeflow
    assert not hasattr(owner, member), "is there: take it from spec/differences.yaml"
    with pytest.raises(ImportError):
        importlib.import_module(f"scopeflow.{name}")


def test_the_page_is_what_the_file_says():
    assert differences.with_tables(PAGE, DATA) == PAGE


def test_a_stale_page_is_noticed(monkeypatch, tmp_path, capsys):
    page = tmp_path / "moving.md"
    monkeypatch.setattr(differences, "PAGE", page)
    page.write_text(PAGE.replace("| S1.2 |", "| S1.3 |", 1), "utf-8")
    assert differences.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().out
    assert differences.main([]) == 0
    assert page.read_text("utf-8") == PAGE
    assert differences.main(["--check"]) == 0


def test_a_page_without_a_place_for_a_table_is_refused(monkeypatch, tmp_path, capsys):
    page = tmp_path / "moving.md"
    page.write_text("# Moving\n", "utf-8")
    monkeypatch.setattr(differences, "PAGE", page)
    assert differences.main(["--check"]) == 1
    assert "no place for the table `differences`" in capsys.readouterr().out


def row(**members):
    return {"rule": "S1.2", "peers": "No.", "here": "Yes.", "shown_by": ["attributes"], **members}


@pytest.mark.parametrize(
    ("shown_by", "finding"),
    [
        ("attributes", None),
        ("tool-ok", "no vector tool-ok has rule S1.2"),
        ("no-such", "no vector no-such has rule S1.2"),
        ("docs/tools/test_moving.py::test_what_is_said_to_be_absent_is", None),
        (
            "docs/tools/test_moving.py::test_it_all",
            "there is no test docs/tools/test_moving.py::test_it_all",
        ),
        ("docs/none.py::test_it_all", "there is no test docs/none.py::test_it_all"),
    ],
)
def test_a_difference_that_nothing_shows_is_refused(shown_by, finding):
    found = list(differences.not_shown(row(shown_by=[shown_by]), differences.vector_rules()))
    assert found == ([finding] if finding else [])


def test_rules_are_in_the_order_of_their_numbers():
    rows = [row(rule="S1.9"), row(rule="S1.10"), row(rule="S1.2")]
    assert [list(differences.out_of_order(rows, at)) for at in range(3)] == [
        [],
        [],
        ["S1.2 stands after S1.10"],
    ]


def test_what_is_wrong_is_told_with_its_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "schema").symlink_to(differences.SPEC / "schema")
    text = (differences.SPEC / "differences.yaml").read_text("utf-8")
    broken = text.replace("  - rule: S1.2", "  - rule: S9.2", 1)
    (tmp_path / "differences.yaml").write_text(broken, "utf-8")
    monkeypatch.setattr(differences, "SPEC", tmp_path)
    assert differences.main(["--check"]) == 1
    line = broken[: broken.index("S9.2")].count("\n") + 1
    assert f"differences.yaml:{line}: 'S9.2' does not match" in capsys.readouterr().out
