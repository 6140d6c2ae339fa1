"""Installs a wheel into an environment that has nothing else, and uses it there as a stranger."""

from __future__ import annotations

from pathlib import Path

from builds import PIP, ROOT, Failed, bare_environment, make_venv, run
from interpreters import Interpreter

HERE = Path(__file__).parent
EXTRAS = "console,pydantic,testing"
STRICT = ["-I", "-X", "dev", "-W", "error"]


def check(interpreter: Interpreter, wheel: Path, folder: Path) -> None:
    """No index is asked, so a dependency of the base package fails here. Raises Failed."""
    programs = make_venv(interpreter, folder / "venv")
    environment = bare_environment(programs)
    work = folder / "work"
    work.mkdir()

    def python(*arguments: str | Path) -> str:
        return run([programs / "python", *arguments], env=environment, cwd=work)

    python(*PIP, "install", "--no-index", wheel)
    python(*PIP, "check")
    _expect("", python(*STRICT, HERE / "fresh_program.py", work / "run.jsonl"))
    tree = python("-m", "scopeflow", "tree", "run.jsonl")
    if not all(part in tree for part in ("agent assistant", "tool search", "last words")):
        raise Failed(f"`python -m scopeflow tree` showed:\n{tree}")
    _expect(tree, run([programs / "scopeflow", "tree", "run.jsonl"], env=environment, cwd=work))


def check_extras(interpreter: Interpreter, wheel: Path, folder: Path) -> None:
    """With the extras, which come from the index, what they are for works. Raises Failed."""
    programs = make_venv(interpreter, folder / "venv-extras")
    environment = bare_environment(programs)
    python = programs / "python"
    run([python, *PIP, "install", f"{wheel}[{EXTRAS}]"], env=environment, cwd=folder)
    run([python, *PIP, "check"], env=environment, cwd=folder)
    tests = HERE / "fresh_extras.py"
    pytest = [python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", tests]
    run(pytest, env=environment, cwd=folder)


def check_suite(interpreter: Interpreter, wheel: Path, folder: Path) -> None:
    """The package's own tests pass, each file by itself. Raises Failed."""
    programs = make_venv(interpreter, folder / "venv-suite")
    python, package = programs / "python", folder / "package"
    environment = bare_environment(programs, Path("/usr/bin"), Path("/bin")) | {
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }
    environment.pop("SCOPEFLOW_TEST_DEPTH", None)  # What takes minutes is looked for once.
    run([python, *PIP, "install", "-r", ROOT / "requirements-test.txt"], env=environment)
    install = [python, *PIP, "install", "--no-index", "--no-deps", "--target", package, wheel]
    run(install, env=environment)
    for tests in sorted((ROOT / "python" / "tests").glob("test_*.py")):
        run([python, "-m", "pytest", "-q", tests], env=environment, cwd=ROOT)


def check_instructions(interpreter: Interpreter, wheel: Path, folder: Path) -> None:
    """No operation takes more instructions than benchmarks/ allows. Raises Failed."""
    programs = make_venv(interpreter, folder / "venv-instructions")
    environment = bare_environment(programs, Path("/usr/bin"), Path("/bin"))
    run([programs / "python", *PIP, "install", "--no-index", "--no-deps", wheel], env=environment)
    counting = ROOT / "benchmarks" / "python" / "instructions.py"
    run([programs / "python", counting, "--check"], env=environment, cwd=folder)


def _expect(wanted: str, printed: str) -> None:
    if printed != wanted:
        raise Failed(f"expected {wanted!r}, but it printed {printed!r}")
