"""Generated files are fixpoints of their language's formatter: it would change nothing in them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spec.gen.render import render, write
from spec.gen.spec import read_api

from .conftest import ROOT, need


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("formatted")
    write(render(read_api(ROOT / "spec")), root)
    for name in (".clang-format", "ruff.toml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    return root


def files(tree, *endings: str) -> list[str]:
    found = [p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.name.endswith(endings)]
    assert found, f"nothing ends in {endings}"
    return sorted(found)


def test_go(tree):
    need("gofmt")
    result = subprocess.run(
        ["gofmt", "-l", *files(tree, ".go")], cwd=tree, capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == ("", "")


def test_python(tree):
    ruff = [sys.executable, "-m", "ruff"]
    names = files(tree, ".py", ".pyi")
    for command in (["format", "--diff"], ["check"]):
        result = subprocess.run([*ruff, *command, *names], cwd=tree, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


def test_c(tree):
    need("clang-format")
    # The amalgamation is made of files that are checked where they stand.
    names = [n for n in files(tree, ".c", ".h") if "amalgamation" not in n]
    result = subprocess.run(
        ["clang-format", "--dry-run", "--Werror", *names], cwd=tree, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
