"""One guardrail in C++ or C, built beside an installed scopeflow through nanobind, pybind11 and
cffi: the function table is free of any binding library, and the program that uses it the same."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import cffi_module
import pybind11
import pytest

import scopeflow

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples/extension"
LIFE = """
import gc, scopeflow, blocklist
runtime = scopeflow.Runtime()
blocklist.block(runtime, "guard", ["shell"])
try:
    blocklist.block(runtime, "guard", ["shell"])
except ValueError:
    pass
else:
    raise SystemExit("the name is taken")
for request in ({}, None, [1] * 1000):
    assert runtime.tool_execute_sync("search", request, lambda given: given is request)
try:
    runtime.tool_execute_sync("shell", {}, lambda given: 1)
except scopeflow.GuardrailRejected as refusal:
    assert refusal.reason == "tool 'shell' is blocked"
del runtime
gc.collect()
"""


def build_nanobind(folder: Path) -> None:
    """As a user would; only the build environment is the one that is there."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps"]
    options = [f"--config-settings=build-dir={folder}/build", "--disable-pip-version-check"]
    subprocess.run([*command, *options, "--target", folder, EXAMPLE], check=True)


def build_pybind11(folder: Path) -> None:
    includes = [pybind11.get_include(), sysconfig.get_path("include"), scopeflow.get_include()]
    includes.append(str(EXAMPLE / "src"))
    module = folder / f"blocklist{sysconfig.get_config_var('EXT_SUFFIX')}"
    command = ["c++", "-std=c++17", "-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += [f"-I{include}" for include in includes]
    subprocess.run([*command, HERE / "pybind11_module.cpp", "-o", module], check=True)


def build_cffi(folder: Path) -> None:
    cffi_module.build(str(folder), scopeflow.get_include())


BUILDS = {"nanobind": build_nanobind, "pybind11": build_pybind11, "cffi": build_cffi}


@pytest.fixture(scope="module", params=BUILDS)
def folder(request, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp(request.param)
    BUILDS[request.param](made)
    return made


def run(folder: Path, *command: str | Path) -> str:
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_agent_is_guarded(folder):
    assert run(folder, EXAMPLE / "agent.py") == (EXAMPLE / "agent.txt").read_text("utf-8")


def test_a_guard_lives_as_long_as_its_registration(folder):
    run(folder, "-c", LIFE)


def test_the_module_is_not_linked_to_scopeflow(folder):
    for module in folder.glob("*blocklist*.so"):
        undefined = subprocess.run(["nm", "-D", "-u", module], capture_output=True, text=True)
        assert undefined.returncode == 0 and "scopeflow_" not in undefined.stdout
