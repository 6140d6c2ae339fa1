"""The CPythons of this machine, one for each wheel, and why one of them gets none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MINIMUM = (3, 10)
PROGRAM = re.compile(r"python3\.\d+t?$")

# What an interpreter says of itself. A virtual environment speaks of the one it was made from.
PROBE = """
import importlib.util, json, os, platform, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
print(json.dumps({
    "path": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "implementation": sys.implementation.name,
    "version": sys.version_info[:3],
    "text": platform.python_version(),
    "is_final": sys.version_info.releaselevel == "final",
    "abi": sysconfig.get_config_var("ABIFLAGS") or "",
    "has_gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "has_headers": os.path.exists(header),
    "has_venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    path: str
    version: tuple[int, ...]
    text: str
    tag: str
    obstacle: str
    """Why there is no wheel for it; empty if there is one."""


def find_all() -> list[Interpreter]:
    """One of each tag, the latest that can be built for, in the order of their versions."""
    best: dict[str, Interpreter] = {}
    for candidate in _candidates():
        found = ask(candidate)
        if found is None or found.version < MINIMUM:
            continue
        known = best.get(found.tag)
        if known is None or _rank(found) > _rank(known):
            best[found.tag] = found
    return sorted(best.values(), key=lambda found: (found.version[:2], found.tag))


def ask(program: str | Path) -> Interpreter | None:
    """What a program says of itself; None if it is no CPython that runs."""
    command = [str(program), "-I", "-c", PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        told = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if told["implementation"] != "cpython":
        return None
    major, minor, _ = told["version"]
    return Interpreter(
        path=told["path"],
        version=tuple(told["version"]),
        text=told["text"],
        tag=f"cp{major}{minor}{told['abi']}",
        obstacle=_obstacle(told),
    )


def _obstacle(told: dict[str, object]) -> str:
    if not told["has_gil"]:
        return "it is free-threaded, and the extension relies on the GIL"
    if told["abi"]:
        return f"it is built in a special way, `{told['abi']}`"
    if not told["is_final"]:
        return "it is no final release"
    if not told["has_headers"]:
        return "Python.h is missing"
    if not told["has_venv"]:
        return "venv or ensurepip is missing"
    return ""


def _rank(found: Interpreter) -> tuple[bool, tuple[int, ...]]:
    return not found.obstacle, found.version


def _candidates() -> Iterator[Path]:
    """This one, those on the PATH, and those that pyenv and uv have installed."""
    yield Path(sys.executable)
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if folder and Path(folder).is_dir():
            yield from sorted(p for p in Path(folder).iterdir() if PROGRAM.match(p.name))
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(pyenv.glob("versions/*/bin/python3"))
    data = Path(os.environ.get("XDG_DATA_HOME", "~/.local/share"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", data / "uv/python")).expanduser()
    yield from sorted(uv.glob("*/bin/python3"))
