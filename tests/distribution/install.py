"""Installs the C library as a stranger does, and says what is missing there, stray, or astray.

Usage: install.py PREFIX                 configures and builds preset `c` in PREFIX.build
       install.py PREFIX --build FOLDER  installs what is built there
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = (ROOT / "VERSION").read_text("utf-8").strip()
MAJOR, MINOR = VERSION.split(".")[:2]
# Until 1.0 a minor version may break callers.
SONAME = f"libscopeflow.so.{MAJOR}.{MINOR}" if MAJOR == "0" else f"libscopeflow.so.{MAJOR}"
WANTED = {
    "include/scopeflow/scopeflow.h",
    "lib/libscopeflow.a",
    "lib/libscopeflow.so",
    f"lib/{SONAME}",
    f"lib/libscopeflow.so.{VERSION}",
    "lib/cmake/scopeflow/scopeflowConfig.cmake",
    "lib/cmake/scopeflow/scopeflowConfigVersion.cmake",
    "lib/cmake/scopeflow/scopeflowTargets.cmake",
    "lib/pkgconfig/scopeflow.pc",
    "share/doc/scopeflow/LICENSE",
}
# One for each build type that was installed.
OF_A_BUILD_TYPE = re.compile(r"lib/cmake/scopeflow/scopeflowTargets-\w+\.cmake")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--build", type=Path)
    options = parser.parse_args()
    shutil.rmtree(options.prefix, ignore_errors=True)
    build = options.build or build_preset(options.prefix.with_name(options.prefix.name + ".build"))
    run(["cmake", "--install", build, "--prefix", options.prefix])
    complaints = complaints_about(options.prefix)
    print(*complaints, sep="\n")
    return 1 if complaints else 0


def build_preset(build: Path) -> Path:
    """With Ninja, which the tests have anyway; the preset itself takes what CMake takes."""
    os.environ.setdefault("CMAKE_GENERATOR", "Ninja")
    run(["cmake", "--preset", "c", "-DSCOPEFLOW_WERROR=ON", "-B", build])
    run(["cmake", "--build", build])
    return build


def complaints_about(prefix: Path) -> list[str]:
    held = {path.relative_to(prefix).as_posix() for path in prefix.rglob("*") if path.is_file()}
    held = {name for name in held if not OF_A_BUILD_TYPE.fullmatch(name)}
    complaints = [f"missing: {name}" for name in sorted(WANTED - held)]
    complaints += [f"stray: {name}" for name in sorted(held - WANTED)]
    found = soname(prefix / "lib/libscopeflow.so")
    if found != SONAME:
        complaints.append(f"the SONAME is {found} instead of {SONAME}")
    for path in (*prefix.rglob("*.cmake"), *prefix.rglob("*.pc")):
        if str(prefix) in path.read_text("utf-8") or str(ROOT) in path.read_text("utf-8"):
            complaints.append(f"{path.name} names a folder, so that it could not be moved")
    return complaints


def soname(library: Path) -> str:
    dynamic = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True)
    match = re.search(r"\(SONAME\).*\[(.+)\]", dynamic.stdout)
    return match[1] if match else ""


def run(command: list) -> None:
    print("$", *command, flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
