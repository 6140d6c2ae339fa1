"""A stranger's first minute: `./demo` in a fresh copy of the repository.

Only files that are under version control are copied, so a file that was forgotten shows here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listing.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return folder


def run_demo(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A stranger has no development environment around the command.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "CMAKE", "SKBUILD"))
    }
    interpreter = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    return subprocess.run(
        [checkout / "demo", *arguments],
        cwd=checkout.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**environment, "PYTHON": str(interpreter), "PYTHONIOENCODING": "utf-8"},
    )


def test_the_demo_sets_itself_up_and_runs(checkout: Path) -> None:
    first = run_demo(checkout)
    assert first.returncode == 0, first.stderr
    assert "Setting up" in first.stderr
    answer = first.stdout.splitlines()[-1]
    assert answer.startswith("Answer: checkout-agent had the most trouble: 3 incidents")
    assert "agent coordinator" in first.stdout
    assert (checkout / ".demo" / "run.jsonl").stat().st_size > 0

    second = run_demo(checkout, "--quiet", "--break", "search")
    assert (second.returncode, second.stderr) == (0, ""), second.stderr
    assert "the tool search is broken" in second.stdout.splitlines()[-1]


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no Node")
def test_the_demo_in_typescript_sets_itself_up_and_runs(checkout: Path) -> None:
    first = run_demo(checkout, "--node", "--quiet")
    assert first.returncode == 0, first.stderr
    assert "Setting up" in first.stderr
    answer = first.stdout.splitlines()[-1]
    assert answer.startswith("Answer: checkout-agent had the most trouble: 3 incidents")
    assert "agent coordinator" in first.stdout

    second = run_demo(checkout, "--node", "--quiet", "--break", "search")
    assert (second.returncode, second.stderr) == (0, ""), second.stderr
    assert "the tool search is broken" in second.stdout.splitlines()[-1]


def test_the_installed_package_has_the_command(checkout: Path) -> None:
    done = subprocess.run(
        [checkout / ".venv" / "bin" / "scopeflow", "tree", checkout / ".demo" / "run.jsonl"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "agent coordinator" in done.stdout
