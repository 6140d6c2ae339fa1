"""The walk of CONTRIBUTING.md: one operation and one registry more, called from three languages.

A copy of the repository gets two edits of the spec, one function in C and a vector. Then it is
generated, built as users build it, and called: by hand and by the runners of the vectors. Nothing
else may be needed, in no language.

Usage: walk.py FOLDER [--python] [--node PROGRAM --node-tools FOLDER] [--go PROGRAM]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "auditors"]
NODE_TARGETS = ["--target", "scopeflow_node", "scopeflow_node_typescript", "scopeflow_node_tests"]
# What earlier builds left, which a fresh clone would not have either.
LEFT_BEHIND = [".git", ".venv", ".demo", "build", "dist", "node_modules", "__pycache__"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the copy is made and built")
    parser.add_argument("--python", action="store_true", help="call from this interpreter")
    parser.add_argument("--node", metavar="PROGRAM")
    parser.add_argument("--node-tools", type=Path, help="folder with node_modules of the build")
    parser.add_argument("--go", metavar="PROGRAM")
    options = parser.parse_args()

    tree = copy_repository(options.folder / "tree")
    edit(tree)
    run([sys.executable, "-m", "spec.gen"], tree)
    replay_in_c(tree, options.folder / "c")
    if options.python:
        call_from_python(tree, options.folder / "python")
    if options.node:
        call_from_node(tree, options.folder / "node", options.node, options.node_tools)
    if options.go:
        call_from_go(tree, options.go)
    return 0


def copy_repository(tree: Path) -> Path:
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    return tree


def edit(tree: Path) -> None:
    """An operation and a registry in the spec, the operation's function in C, and a vector."""
    append(HERE / "operation.yaml", tree / "spec/api/scope.yaml")
    append(HERE / "registry.yaml", tree / "spec/api/middleware.yaml")
    append(HERE / "operation.c", tree / "native/src/scope/scope.c")
    shutil.copy(HERE / "vector.json", tree / "tests/vectors/walk.json")


def append(addition: Path, to: Path) -> None:
    with to.open("a", encoding="utf-8") as file:
        file.write("\n" + addition.read_text("utf-8"))


def configure(tree: Path, build: Path, *languages: str) -> None:
    """A build of the core and of the languages that are named."""
    switches = [
        f"-DSCOPEFLOW_{name}={'ON' if name in languages else 'OFF'}"
        for name in ("PYTHON", "NODE", "WASM", "GO")
    ]
    interpreter = f"-DPython_EXECUTABLE={sys.executable}"
    run(["cmake", "-G", "Ninja", "-S", str(tree), "-B", str(build), interpreter, *switches], tree)


def replay_in_c(tree: Path, build: Path) -> None:
    shutil.rmtree(build, ignore_errors=True)
    configure(tree, build)
    run(["cmake", "--build", str(build), "--target", "vectors"], tree)
    run([str(build / "tests/c/vectors"), str(tree / "tests/vectors/walk.json")], tree)


def call_from_python(tree: Path, site: Path) -> None:
    shutil.rmtree(site, ignore_errors=True)
    install = ["install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    run([sys.executable, "-m", "pip", *install, "--target", str(site), str(tree)], tree)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    run([sys.executable, str(HERE / "call.py")], site, environment)
    run([*PYTEST, str(tree / "python/tests/test_vectors.py")], tree, environment)


def call_from_node(tree: Path, build: Path, node: str, tools: Path) -> None:
    """With the tools of the build that runs this test, so that they are not fetched twice."""
    shutil.rmtree(build, ignore_errors=True)
    shutil.copytree(tools, build / "node/tools", copy_function=os.link, symlinks=True)
    configure(tree, build, "NODE")
    run(["cmake", "--build", str(build), "--parallel", "2", *NODE_TARGETS], tree)
    package = build / "node/package"
    shutil.copy(HERE / "call.mjs", package)
    run([node, "call.mjs"], package)
    environment = {**os.environ, "SCOPEFLOW_VECTORS": str(tree / "tests/vectors")}
    run([node, "--test", "test/vectors.test.mjs"], package, environment)


def call_from_go(tree: Path, go: str) -> None:
    shutil.copy(HERE / "call_test.go.txt", tree / "go/call_test.go")
    run(
        [go, "test", "-count=1", "-run", "TheNewOperationAndTheNewRegistry|Vectors", "."],
        tree / "go",
    )


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    print("$", *command, flush=True)
    subprocess.run(command, cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
