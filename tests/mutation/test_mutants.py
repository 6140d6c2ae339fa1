"""What the mutation gate of the Python layer plants, and that it can fail."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import mutate_python
import pytest
from mutants import Mutant, mutants_of
from mutate_python import Planted, Site, report, sample

MODULE = '''
"""A docstring."""
from __future__ import annotations
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
__all__ = ["first"]
NAME: str = "ä"

def first(text: str = "é", *, limit: int = 3) -> int:
    """Another one."""
    if not text or len(text) < limit:
        raise ValueError(f"{text} is too short")
    for one in text:
        if one in "xyz":
            continue
        call(one, key=limit + 1, other=True)
    try:
        return text if limit is None else NAME
    except KeyError:
        return [one for one in text if one]
'''.strip()


def told(source: str) -> list[str]:
    return [str(mutant) for mutant in mutants_of(source.encode())]


def test_every_kind_of_mistake_is_planted() -> None:
    assert told(MODULE) == [
        "7: \"ä\" -> '?'",
        "9: \"é\" -> '?'",
        "9: 3 -> (4)",
        "11: not text -> (text)",
        "11: not text or len(text) < limit -> (not (not text or len(text) < limit))",
        "11: not text or len(text) < limit -> (not text and len(text) < limit)",
        "11: len(text) < limit -> ((len(text)) <= (limit))",
        '12: raise ValueError(f"{text} is too short") -> pass',
        "14: one in \"xyz\" -> ((one) not in ('xyz'))",
        "14: \"xyz\" -> '?yz'",
        "15: continue -> break",
        "16: call(one, key=limit + 1, other=True) -> (call(one, key=limit + 1))",
        "16: call(one, key=limit + 1, other=True) -> (call(one, other=True))",
        "16: call(one, key=limit + 1, other=True) -> pass",
        "16: limit + 1 -> (limit - 1)",
        "16: 1 -> (2)",
        "16: True -> False",
        "18: text if limit is None else NAME -> None",
        "18: limit is None -> ((limit) is not (None))",
        "19: KeyError -> ()",
        "20: [one for one in text if one] -> None",
        "20: one -> (not (one))",
    ]


def test_each_of_them_is_a_module() -> None:
    source = MODULE.encode()
    planted = [mutant.planted(source) for mutant in mutants_of(source)]
    assert len({ast.dump(ast.parse(one)) for one in [source, *planted]}) == len(planted) + 1


def test_the_lines_that_have_to_run() -> None:
    lines = {str(mutant): mutant.lines for mutant in mutants_of(MODULE.encode())}
    assert not lines["7: \"ä\" -> '?'"]
    assert 20 in lines["9: 3 -> (4)"]
    assert list(lines["14: \"xyz\" -> '?yz'"]) == [14]


def test_a_sample_has_some_of_every_module_and_can_be_drawn_again() -> None:
    large = [Mutant(line, line, line, "", "", range(1)) for line in range(1_000)]
    mutants = {"large": large, "small": large[:3], "other": large[:100]}
    chosen = sample(mutants, 200, seed=1)
    assert len(chosen) == len(set(chosen)) == 200
    assert sum(module == "small" for module, _ in chosen) == 3
    assert chosen == sample(mutants, 200, seed=1) != sample(mutants, 200, seed=2)
    assert len(sample(mutants, 0, seed=1)) == 1_103


# --- Judging, with a package and tests of its own ---


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    package, tests = tmp_path / "mutated", tmp_path / "tests"
    package.mkdir()
    tests.mkdir()
    (package / "__init__.py").touch()
    (package / "module.py").write_text(
        textwrap.dedent(
            """
            def count(limit):
                found = 0
                while found < limit:
                    found += 1
                return found
            """
        )
    )
    (tests / "test_module.py").write_text(
        textwrap.dedent(
            """
            from mutated.module import count

            def test_exact():
                assert count(3) == 3

            def test_vague():
                assert count(3) > 0

            def test_wrong():
                assert count(3) == 7
            """
        )
    )
    monkeypatch.setattr(mutate_python, "TESTS", tests)
    return Site(package, tmp_path / "site")


def planted(site: Site, text: str, test: str | None) -> Planted:
    (mutant,) = (
        one for one in mutants_of((site.copy / "module.py").read_bytes()) if one.text == text
    )
    return Planted("module", mutant, (f"test_module.py::{test}",) if test else ())


TOO_FAR = "((found) <= (limit))"


def test_a_test_notices_or_does_not(site: Site) -> None:
    before = (site.copy / "module.py").read_bytes()
    assert site.notices(planted(site, TOO_FAR, "test_exact"), 60)
    assert not site.notices(planted(site, TOO_FAR, "test_vague"), 60)
    assert not site.notices(planted(site, TOO_FAR, None), 60)
    assert (site.copy / "module.py").read_bytes() == before
    assert not site.was_too_slow


def test_an_endless_loop_is_noticed(site: Site) -> None:
    assert site.notices(planted(site, "pass", "test_vague"), 3)
    assert site.was_too_slow


def test_the_package_as_it_is_passes_or_not(site: Site) -> None:
    assert site.passes(("test_module.py::test_exact",), 60)
    assert not site.passes(("test_module.py::test_wrong",), 60)
    assert not site.passes(("test_module.py::test_that_is_not_there",), 60)


def test_how_many_were_noticed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    one = planted(site, TOO_FAR, None)
    assert report([(one, True), (one, True), (one, False), (one, True)]) == 75.0
    assert capsys.readouterr().out == "module.py: 3 of 4\n3 of 4 mutants killed, 75.0 %\n"
