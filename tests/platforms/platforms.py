"""The C tests on another kind of machine: built by a cross compiler, run by qemu's user mode.

    python tests/platforms/platforms.py PLATFORM --work FOLDER

The vectors and a handful of the tests, with SCOPEFLOW_TEST_DEPTH=deep in the environment all that
are programs of their own. For Windows the library is compiled without a warning and its public
functions are looked for; nothing is run. Without the tools it ends with 77 and says what it lacks.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TOOLCHAINS = ROOT / "native" / "cmake" / "toolchains"
LEFT_OUT = 77
IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
LANGUAGES = ("PYTHON", "NODE", "GO", "WASM")
# What says most about the order of bytes, the size of a pointer and the layout of structs.
SHORT = ("arguments", "calls", "payloads", "portable", "propagation", "protocol", "reader")
# These are scripts that start a program themselves, and not by qemu.
SCRIPTS = "can_fail|numbers|corpora|header|every_function|sink_processes|coverage|examples|model"


@dataclass(frozen=True)
class Platform:
    """`triple` names the toolchain file; without an `emulator` nothing is run."""

    triple: str
    compiler: str
    emulator: str


PLATFORMS = {
    "aarch64": Platform("aarch64-linux-gnu", "aarch64-linux-gnu-gcc", "qemu-aarch64"),
    "s390x": Platform("s390x-linux-gnu", "s390x-linux-gnu-gcc", "qemu-s390x"),
    "i386": Platform("i686-linux-gnu", "i686-linux-gnu-gcc", "qemu-i386"),
    "windows": Platform("x86_64-w64-mingw32", "x86_64-w64-mingw32-gcc-posix", ""),
}


def run(*command: object) -> None:
    words = [str(word) for word in command]
    ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode != 0:
        print("$", *words)
        print(ran.stdout)
        sys.exit(1)
    print("\n".join(ran.stdout.splitlines()[-4:]))


def configure(platform: Platform, folder: Path) -> None:
    run(
        "cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
        f"-DCMAKE_TOOLCHAIN_FILE={TOOLCHAINS / platform.triple}.cmake",
        "-DCMAKE_BUILD_TYPE=Debug",
        "-DSCOPEFLOW_WERROR=ON",
        f"-DSCOPEFLOW_TESTS={'ON' if platform.emulator else 'OFF'}",
        f"-DPython_EXECUTABLE={sys.executable}",
        *(f"-DSCOPEFLOW_{language}=OFF" for language in LANGUAGES),
    )  # fmt: skip


def build(folder: Path, *targets: str) -> None:
    run("cmake", "--build", folder, "--parallel", os.cpu_count() or 1, "--target", *targets)


def test_by_emulator(folder: Path) -> None:
    if IS_DEEP:
        build(folder, "tests/c/all", "scopeflow_abi_layout")
        chosen = ["-L", "^c$", "-E", SCRIPTS]
    else:
        build(folder, "vectors", "scopeflow_abi_layout", *(f"test_{name}" for name in SHORT))
        chosen = ["-R", f"^c_(vectors|{'|'.join(SHORT)})$"]
    run("ctest", "--test-dir", folder, "--output-on-failure", "--no-tests=error", *chosen)


def test_library(platform: Platform, folder: Path) -> None:
    build(folder, "scopeflow_core")
    nm = f"{platform.triple}-nm"
    names = subprocess.run(
        [nm, "--defined-only", folder / "native" / "libscopeflow.a"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    count = len({line.split()[-1] for line in names.splitlines() if " T scopeflow_" in line})
    print(f"{count} functions for Windows, compiled and not run")
    if count < 100:
        sys.exit(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("platform", choices=PLATFORMS)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    platform = PLATFORMS[arguments.platform]
    for tool in filter(None, (platform.compiler, platform.emulator)):
        if shutil.which(tool) is None:
            print(f"left out: {tool} was not found")
            return LEFT_OUT
    configure(platform, arguments.work)
    if platform.emulator:
        test_by_emulator(arguments.work)
    else:
        test_library(platform, arguments.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
