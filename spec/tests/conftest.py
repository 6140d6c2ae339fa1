"""Shared by the generator's tests: the spec as it is, and copies of it to be changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the goldens instead")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A copy of the real spec and its examples, with its VERSION, to be changed at will."""
    return copy_of(ROOT, tmp_path / "copy")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the golden spec."""
    return copy_of(GOLDEN, tmp_path / "sample")


def need(program: str) -> None:
    """Skips the test where a program is not installed; in CI a missing one is a failure."""
    if shutil.which(program) is None:
        missing = f"{program} is not installed"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


def copy_of(root: Path, to: Path) -> Path:
    for folder in ("api", "examples"):
        shutil.copytree(root / "spec" / folder, to / "spec" / folder)
    shutil.copy(root / "VERSION", to / "VERSION")
    return to / "spec"
