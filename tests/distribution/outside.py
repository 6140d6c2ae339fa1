"""The C examples, built in a clean folder outside of the repository, print what they should.

Usage: outside.py WAY PREFIX, where PREFIX is where the library was installed, and WAY one of

  package       CMake finds the library, shared and static
  pkg-config    the compiler is told by pkg-config
  amalgamation  its two files are compiled with the program

The commands of the latter two are those of the README. What was installed is moved first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "c"
PROGRAMS = ("hello_scope", "guarded_tool", "streaming_llm", "custom_exporter")
STRICT = "-Wall -Wextra -Wpedantic -Werror"
OTHER_VERSIONS = """\
cmake_minimum_required(VERSION 3.21)
project(other LANGUAGES NONE)
foreach(version IN ITEMS 0.0 99.0)
  find_package(scopeflow ${version} QUIET)
  if(scopeflow_FOUND)
    message(FATAL_ERROR "it gives itself out for ${version}, which promised something else")
  endif()
endforeach()
"""


def main(way: str, prefix: str) -> int:
    with tempfile.TemporaryDirectory() as clean:
        folder = Path(clean)
        for path in EXAMPLES.iterdir():
            shutil.copy(path, folder)
        moved = folder / "installed"
        shutil.copytree(prefix, moved, symlinks=True)
        build = {"package": by_package, "pkg-config": by_pkg_config, "amalgamation": by_two_files}
        programs = build[way](folder, moved)
        failures = [failure for program in programs for failure in check(program, moved)]
    print("\n".join(failures) or f"{way}: as expected")
    return 1 if failures else 0


def by_package(folder: Path, moved: Path) -> Iterator[Path]:
    build, other = folder / "build", folder / "other"
    where = f"-DCMAKE_PREFIX_PATH={moved}"
    run(f"cmake -G Ninja -S . -B {build} {where} -DCMAKE_C_FLAGS='{STRICT}'", folder)
    run(f"cmake --build {build}", folder)
    other.mkdir()
    (other / "CMakeLists.txt").write_text(OTHER_VERSIONS)
    run(f"cmake -G Ninja -S {other} -B {other}/build {where}", folder)
    for name in (*PROGRAMS, "hello_scope_static"):
        yield build / name


def by_pkg_config(folder: Path, moved: Path) -> Iterator[Path]:
    environment = {"PKG_CONFIG_PATH": str(moved / "lib/pkgconfig")}
    command = readme_command("pkg-config")
    for name in PROGRAMS:
        run(command.replace("hello_scope", name), folder, environment)
        yield folder / name
    static = command.replace("cc ", "cc -static ").replace("--cflags", "--static --cflags")
    run(static, folder, environment)
    yield folder / "hello_scope"


def by_two_files(folder: Path, moved: Path) -> Iterator[Path]:
    """The library is not there at all."""
    shutil.rmtree(moved)
    run(readme_command("spec.amalgamation").replace("FOLDER", str(folder)), ROOT)
    command = readme_command("scopeflow/scopeflow.c")
    for name in PROGRAMS:
        run(command.replace("hello_scope", name), folder)
        yield folder / name


def readme_command(what: str) -> str:
    """The line of the README's section on C, indented as code, that has this in it."""
    section = (ROOT / "README.md").read_text("utf-8").split("\n## From C\n")[1].split("\n## ")[0]
    [line] = [line for line in re.findall(r"^    (\S.*)$", section, re.MULTILINE) if what in line]
    return line


def check(program: Path, moved: Path) -> Iterator[str]:
    expected = EXAMPLES / f"{program.name.removesuffix('_static')}.txt"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(moved / "lib")}
    done = subprocess.run([program], capture_output=True, text=True, env=environment)
    if done.returncode != 0 or done.stderr:
        yield f"{program.name}: status {done.returncode}\n{done.stdout}{done.stderr}"
    elif done.stdout != expected.read_text("utf-8"):
        yield f"{program.name} printed:\n{done.stdout}"


def run(command: str, folder: Path, environment: dict[str, str] | None = None) -> None:
    print("$", command, flush=True)
    subprocess.run(
        command, shell=True, cwd=folder, env={**os.environ, **(environment or {})}, check=True
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
