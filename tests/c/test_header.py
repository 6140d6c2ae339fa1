"""The public header stands alone: in C11, C17 and C++17, with every warning an error.

`test_header.py HEADER_FOLDER`. Tries each compiler that is there, and needs one of each language.
The programs also use every `..._INIT` macro, so that none is broken in one of the languages.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMPILERS = {"gcc": "c", "clang": "c", "cc": "c", "g++": "c++", "clang++": "c++", "c++": "c++"}
STANDARDS = {"c": ["c11", "c17"], "c++": ["c++17", "c++20"]}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def program(header: str) -> str:
    """Includes the header twice and makes a value with each macro."""
    macros = re.findall(r"#define (SCOPEFLOW_(\w+)_INIT)\b", header)
    assert len(macros) >= 6, "the macros are not found any more"
    lines = ['#include "scopeflow/scopeflow.h"', '#include "scopeflow/scopeflow.h"', ""]
    lines += ["uint32_t sizes(void);", "uint32_t sizes(void) {", "    uint32_t sum = 0;"]
    for macro, name in macros:
        lines.append(f"    {{ scopeflow_{name.lower()} value = {macro};")
        lines.append("      sum += value.struct_size_bytes; }")
    return "\n".join([*lines, "    return sum;", "}", ""])


def main() -> int:
    folder = Path(sys.argv[1])
    header = (folder / "scopeflow/scopeflow.h").read_text(encoding="utf-8")
    failed, tried = 0, set()
    with tempfile.TemporaryDirectory() as build:
        for compiler, language in COMPILERS.items():
            if shutil.which(compiler) is None:
                continue
            tried.add(language)
            source = Path(build) / ("a.c" if language == "c" else "a.cpp")
            source.write_text(program(header))
            for standard in STANDARDS[language]:
                command = [compiler, f"-std={standard}", *WARNINGS, f"-I{folder}", "-fsyntax-only"]
                result = subprocess.run([*command, str(source)], capture_output=True, text=True)
                print(f"{'ok' if result.returncode == 0 else 'FAILED'}: {compiler} {standard}")
                print(result.stderr, end="")
                failed += result.returncode != 0
    missing = {"c", "c++"} - tried
    if missing:
        print(f"no compiler for {' and '.join(sorted(missing))} was found")
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
