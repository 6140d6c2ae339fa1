"""The installed library as a stranger's cffi has it: from the published header and nothing else.

`cc -E` of the header gives what cffi reads; the `..._INIT` macros, which it cannot read, are
evaluated from the same run of the preprocessor.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from cffi import FFI

PREFIX = Path(os.environ["SCOPEFLOW_PREFIX"])
HEADER = PREFIX / "include/scopeflow/scopeflow.h"
LIBRARY = PREFIX / "lib/libscopeflow.so"
INITIAL = "scopeflow_initial_value"


def preprocessed() -> tuple[str, dict[str, str]]:
    """The declarations, and the initial value of each struct that has one. System headers are left
    out, because cffi has its own idea of what they declare."""
    header = re.sub(r"^#include <.*>$", "", HEADER.read_text("utf-8"), flags=re.MULTILINE)
    macros = re.findall(r"^#define SCOPEFLOW_(\w+)_INIT\b", header, re.MULTILINE)
    lines = [f"{INITIAL} scopeflow_{m.lower()} = SCOPEFLOW_{m}_INIT;" for m in macros]
    switches = ["-DSCOPEFLOW_API=", "-D__attribute__(x)=", f"-DINT64_MIN={-(2**63)}"]
    text = subprocess.run(
        ["cc", "-E", "-P", *switches, "-"],
        input="\n".join([header, *lines]), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.findall(rf"^{INITIAL} (\w+)\s*=\s*(.*?);", text, re.MULTILINE | re.DOTALL)
    declarations = text.split(INITIAL, 1)[0]
    assert len(found) == len(macros) > 20
    return declarations, dict(found)


class Library:
    """The functions, which remember that they were called; the numbers; and structs of options."""

    def __init__(self) -> None:
        declarations, self._initial = preprocessed()
        self.ffi = FFI()
        self.ffi.cdef(declarations)
        self.library = self.ffi.dlopen(str(LIBRARY))
        self.functions = set(re.findall(r"\b(scopeflow_\w+)\((?=[^;{}]*\);)", declarations))
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in self.functions:
            self.called.add(name)
        return getattr(self.library, name)

    def uncalled(self) -> list[str]:
        return sorted(self.functions - self.called)

    def initial(self, struct: str) -> Any:
        """A struct with the value of its macro."""
        text = self._initial[struct]
        text = text.replace(f"(uint32_t)sizeof({struct})", str(self.ffi.sizeof(struct)))
        text = re.sub(r"\b(\d+)u\b", r"\1", text).replace("NULL", "null")
        text = text.replace("{", "[").replace("}", "]")
        numbers = {name: getattr(self.library, name) for name in re.findall(r"SCOPEFLOW\w+", text)}
        value = eval(text, {"null": self.ffi.NULL, **numbers})  # An expression of our own header.
        return self.ffi.new(f"{struct} *", value)
