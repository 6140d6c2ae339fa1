"""Which CPythons get a wheel; programs that only say what they are stand in for them."""

from __future__ import annotations

import json
from pathlib import Path

import interpreters
import pytest

USABLE = {
    "implementation": "cpython",
    "is_final": True,
    "abi": "",
    "has_gil": True,
    "has_headers": True,
    "has_venv": True,
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has no interpreter but this test's, with folders for others."""
    for name in ("path", "pyenv", "uv"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setattr(interpreters.sys, "executable", str(tmp_path / "none"))
    return tmp_path


def install(path: Path, *version: int, **facts: object) -> str:
    text = ".".join(map(str, version))
    told = {**USABLE, "path": str(path), "version": version, "text": text, **facts}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{json.dumps(told)}'\n")
    path.chmod(0o755)
    return str(path)


def test_all_are_found_once_in_the_order_of_their_versions(machine):
    wanted = [
        install(machine / "pyenv/versions/3.9.1/bin/python3", 3, 9, 1),
        install(machine / "pyenv/versions/3.10.13/bin/python3", 3, 10, 13),
        install(machine / "path/python3.11", 3, 11, 2),
        install(machine / "uv/cpython-3.14.1/bin/python3", 3, 14, 1),
    ][1:]
    install(machine / "path/python3.11-config", 3, 11, 9)
    install(machine / "path/python3.12", 3, 12, 1, implementation="pypy")
    found = interpreters.find_all()
    assert [one.path for one in found] == wanted
    assert [one.tag for one in found] == ["cp310", "cp311", "cp314"]
    assert {one.obstacle for one in found} == {""}


def test_of_two_the_later_that_can_be_built_for(machine):
    install(machine / "path/python3.12", 3, 12, 9, has_headers=False)
    install(machine / "pyenv/versions/3.12.1/bin/python3", 3, 12, 1)
    later = install(machine / "pyenv/versions/3.12.3/bin/python3", 3, 12, 3)
    assert [one.path for one in interpreters.find_all()] == [later]


@pytest.mark.parametrize(
    ("facts", "obstacle"),
    [
        ({"has_gil": False, "abi": "t"}, "free-threaded"),
        ({"abi": "d"}, "built in a special way, `d`"),
        ({"is_final": False}, "no final release"),
        ({"has_headers": False}, "Python.h is missing"),
        ({"has_venv": False}, "venv or ensurepip is missing"),
    ],
)
def test_one_that_gets_no_wheel_says_why(machine, facts, obstacle):
    install(machine / "path/python3.13t", 3, 13, 0, **facts)
    (found,) = interpreters.find_all()
    assert obstacle in found.obstacle


def test_what_does_not_run_is_passed_over(machine):
    broken = machine / "path/python3.12"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert interpreters.find_all() == []
