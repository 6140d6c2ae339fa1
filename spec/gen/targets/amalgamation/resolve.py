"""The core as one C file beside the Go sources, so that `go get` needs nothing but a C compiler."""

from __future__ import annotations

import re
from pathlib import Path

from spec.gen.model import Api
from spec.gen.render import Output, render_target

ROOT = Path(__file__).resolve().parents[4]
SOURCES = ROOT / "native"
HEADER = "native/include/scopeflow/scopeflow.h"

_LISTED = re.compile(r"\bsrc/[\w/.]+\.c\b")
_INCLUDE = re.compile(r'^#include "([^"]+)"$')
# Asks a system header for more; it must stand before the first of them, so all go to the top.
_FEATURE = re.compile(r"^#define (_[A-Z_]+_SOURCE)\b.*$")
_FEATURE_GUARD = re.compile(r"^#ifndef (_[A-Z_]+_SOURCE)$")


def outputs(api: Api) -> list[Output]:
    generated = render_target("c", api)
    return [
        Output("go/scopeflow.h", "verbatim.j2", {"text": generated[HEADER]}),
        Output("go/scopeflow_amalgamation.c", "amalgamation.c.j2", amalgamation(generated)),
    ]


def amalgamation(generated: dict[str, str]) -> dict:
    """The sources in the order in which CMake lists them, each internal header where it is first
    included. `generated` are the files that the spec makes; they win over those on the disk."""
    tree = _Tree(generated)
    for source in listed_sources():
        tree.add(source)
    features = sorted((_FEATURE.match(line)[1], line) for line in tree.features)
    return {"features": features, "lines": tree.lines}


def listed_sources() -> list[str]:
    """As native/CMakeLists.txt lists them, so that the two cannot drift apart."""
    text = (SOURCES / "CMakeLists.txt").read_text(encoding="utf-8")
    return list(dict.fromkeys(_LISTED.findall(text)))


class _Tree:
    def __init__(self, generated: dict[str, str]):
        self.generated = generated
        self.included: set[str] = set()
        self.features: set[str] = set()
        self.lines: list[str] = []

    def add(self, path: str) -> None:
        """Appends one file, `src/base/base.h`, unless it stands there already."""
        if path in self.included:
            return
        self.included.add(path)
        self.lines += ["", f"/* {'-' * 20} {path} {'-' * 20} */", ""]
        for line in self._without_features(self._read(path).splitlines()):
            self._add_line(line)

    def _read(self, path: str) -> str:
        return self.generated.get(f"native/{path}") or (SOURCES / path).read_text("utf-8")

    def _add_line(self, line: str) -> None:
        include = _INCLUDE.match(line)
        if include is None:
            self.lines.append(line)
        elif include[1] == "scopeflow/scopeflow.h":
            if "scopeflow.h" not in self.included:
                self.included.add("scopeflow.h")
                self.lines.append('#include "scopeflow.h"')
        else:
            self.add(f"src/{include[1]}")

    def _without_features(self, lines: list[str]) -> list[str]:
        kept: list[str] = []
        at = 0
        while at < len(lines):
            guarded = _FEATURE_GUARD.match(lines[at])
            if guarded or _FEATURE.match(lines[at]):
                self.features.add(lines[at + 1] if guarded else lines[at])
                at += 3 if guarded else 1
                continue
            kept.append(lines[at])
            at += 1
        return kept
