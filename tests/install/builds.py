"""From the repository to an sdist, from there to a wheel, and from there to one for every Linux.

An sdist is built where nothing is found but an interpreter and what a C compiler consists of.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from interpreters import Interpreter

ROOT = Path(__file__).parents[2]
COMPILER = ["cc", "gcc", "clang", "as", "ld", "ar", "ranlib", "nm", "strip"]
PIP = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
# What a developer has set, and a stranger has not. `pip` still learns where packages come from.
OURS = ("PYTHON", "VIRTUAL_ENV", "CMAKE", "SKBUILD", "CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")


class Failed(Exception):
    """A step did not go through; the text says which and what it printed."""


def run(command: list[str | Path], **options: object) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        **options,
    )
    if done.returncode != 0:
        line = " ".join(str(part) for part in command)
        raise Failed(f"{line}\nended with {done.returncode} and said:\n{done.stdout}")
    return done.stdout


def bare_environment(*path: Path) -> dict[str, str]:
    """The environment of somebody who does not develop scopeflow, with only these on the PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PATH": os.pathsep.join(map(str, path)), "PYTHONIOENCODING": "utf-8"}


def make_venv(interpreter: Interpreter, folder: Path) -> Path:
    """A new environment that sees no package but its own pip; its folder of programs."""
    run([interpreter.path, "-m", "venv", "--clear", folder])
    return folder / "bin"


def make_sdist(folder: Path) -> Path:
    """The sdist, made of what the repository's folder holds, with this environment's tools."""
    folder.mkdir(parents=True)
    build = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, ROOT]
    run(build)
    (sdist,) = folder.glob("scopeflow-*.tar.gz")
    return sdist


def make_wheel(interpreter: Interpreter, sdist: Path, folder: Path) -> Path:
    """A wheel as pip builds it of the sdist for somebody who has only a C compiler.

    It is unpacked here, because pip would remember a wheel for the name of an archive.
    """
    shutil.unpack_archive(sdist, folder / "source")
    (source,) = (folder / "source").iterdir()
    programs = make_venv(interpreter, folder / "venv")
    environment = bare_environment(programs, _compiler_only(folder / "compiler"))
    command = [programs / "python", *PIP, "wheel", "--no-deps", "--wheel-dir", folder, source]
    run(command, env=environment, cwd=folder)
    (wheel,) = folder.glob("scopeflow-*.whl")
    return wheel


def repair(wheel: Path, folder: Path) -> Path:
    """The same wheel, named after the oldest Linux that has what it needs (PEP 600)."""
    folder.mkdir(parents=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    command = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", folder, wheel]
    run(command, env={**os.environ, "PATH": path})
    (repaired,) = folder.glob("scopeflow-*.whl")
    return repaired


def _compiler_only(folder: Path) -> Path:
    """A folder with nothing but the C compiler's programs."""
    folder.mkdir()
    for name in [*COMPILER, "gcc-ar", "gcc-ranlib", "gcc-nm"]:
        program = shutil.which(name)
        if program is not None:
            (folder / name).symlink_to(program)
    return folder
