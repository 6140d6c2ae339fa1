"""The Go module as a stranger uses it: from a module of its own, with an empty module cache.

`python go_module.py GO`: an outside module, in a folder with a blank in its name, has the examples
of the package as its own. It is vetted, built and tested with cgo and without, with what it needs
downloaded, then vendored; it is built for other machines; and a program that has no core says so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = "github.com/scopeflow/scopeflow/go"
VERSION = (ROOT / "VERSION").read_text("utf-8").strip()
GO_MOD = f"""module example.com/outside

go 1.24

require (
\t{MODULE} v{VERSION}
\t{MODULE}/wasm v{VERSION}
)

replace (
\t{MODULE} => {{go}}
\t{MODULE}/wasm => {{go}}/wasm
)
"""
WITH_MODULE = f'//go:build !cgo\n\npackage outside\n\nimport _ "{MODULE}/wasm"\n'
PROGRAM = f"""package main

import (
\t"context"
\t"fmt"
\t"os"

\tscopeflow "{MODULE}"
)

func main() {{
\t_, scope, err := scopeflow.PushScope(context.Background(), "turn", scopeflow.ScopeTypeAgent)
\tif err != nil {{
\t\tfmt.Println(err)
\t\tos.Exit(3)
\t}}
\tfmt.Println(scope.Name(), scope.Close())
}}
"""
MACHINES = ("windows/amd64", "darwin/arm64", "linux/arm64", "linux/386")
REMEDIES = ("CGO_ENABLED=1", f"{MODULE}/wasm")


class Outside:
    """The module, and the go command in it."""

    def __init__(self, go: str, folder: Path) -> None:
        self.go = go
        self.folder = folder / "an outside module"
        self.environment = {
            **os.environ,
            "GOMODCACHE": str(folder / "cache"),
            "GOPROXY": self._proxies(),
            "GOWORK": "off",
            "GOFLAGS": "-modcacherw",
        }
        self._write()

    def _proxies(self) -> str:
        """What this machine has downloaded already comes from there."""
        asked = [self.go, "env", "GOMODCACHE", "GOPROXY"]
        cache, proxies = subprocess.check_output(asked, text=True).splitlines()
        return f"file://{cache}/cache/download,{proxies}"

    def _write(self) -> None:
        self.folder.mkdir()
        files = {
            "go.mod": GO_MOD.format(go=ROOT / "go"),
            "outside.go": "// Package outside has the examples.\npackage outside\n",
            "core.go": WITH_MODULE,
            "program/main.go": PROGRAM,
        }
        for example in (ROOT / "go").glob("example_*_test.go"):
            text = example.read_text("utf-8")
            if 'import "C"' not in text and "//go:build" not in text:
                files[example.name] = re.sub(
                    r"^package \w+$", "package outside_test", text, flags=re.M
                )
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")

    def run(self, *arguments: str, status: int = 0, **environment: str) -> str:
        told = " ".join([*(f"{k}={v}" for k, v in environment.items()), "go", *arguments])
        print(told, flush=True)
        done = subprocess.run(
            [self.go, *arguments], cwd=self.folder, env={**self.environment, **environment},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode != status:
            sys.exit(f"{told}: status {done.returncode} instead of {status}\n{done.stdout}")
        return done.stdout

    def check(self, *flags: str) -> None:
        """Vets, builds and runs the examples, with cgo and without."""
        for cgo in "10":
            self.run("vet", *flags, "./...", CGO_ENABLED=cgo)
            self.run("build", *flags, "./...", CGO_ENABLED=cgo)
            told = self.run("test", *flags, "-count=1", "-v", ".", CGO_ENABLED=cgo)
            for name in ("helloScope", "guardedTool", "streamingLLM", "customExporter"):
                if f"--- PASS: Example_{name}" not in told:
                    sys.exit(f"the example {name} did not run:\n{told}")

    def check_without_core(self) -> None:
        told = self.run("run", "./program", status=1, CGO_ENABLED="0")
        if not all(remedy in told for remedy in REMEDIES) or "exit status 3" not in told:
            sys.exit(f"a program without a core said\n{told}")
        told = self.run("run", "./program", CGO_ENABLED="1")
        if told != "turn <nil>\n":
            sys.exit(f"a program with cgo said\n{told}")

    def check_other_machines(self) -> None:
        for machine in MACHINES:
            system, architecture = machine.split("/")
            self.run("build", "./...", CGO_ENABLED="0", GOOS=system, GOARCH=architecture)

    def check_vendored(self) -> None:
        self.run("mod", "vendor")
        shutil.rmtree(self.environment["GOMODCACHE"])
        self.environment["GOPROXY"] = "off"
        self.check("-mod=vendor")


def main(go: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outside = Outside(go, Path(folder))
        outside.run("mod", "tidy")
        outside.check()
        outside.check_without_core()
        outside.check_other_machines()
        outside.check_vendored()


if __name__ == "__main__":
    main(sys.argv[1])
