"""What the core asks of others: functions on memory, an allocator, and its own `host` folder.

Usage: needs.py NM OBJECT...     all object files of the library, those of src/host among them
"""

from __future__ import annotations

import subprocess
import sys

MEMORY = {"bcmp", "memchr", "memcmp", "memcpy", "memmove", "memset", "strlen"}
ALLOCATOR = {"free", "realloc"}
# What native/src/base/system.h declares: only where the host lends nothing better.
SYSTEM = {"scopeflow__system_clock", "scopeflow__system_uptime", "scopeflow__system_entropy"}
# The compiler's own, which every program has: which instructions the machine knows, and where the
# addresses of a shared library stand.
COMPILER = {"__cpu_model", "_GLOBAL_OFFSET_TABLE_"}
ALLOWED = MEMORY | ALLOCATOR | SYSTEM | COMPILER


def main(nm: str, *objects: str) -> int:
    core = [path for path in objects if "/src/host/" not in path]
    if not core or len(core) == len(objects):
        print("the object files of the core and of its host are not told apart any more")
        return 1
    needed = names(nm, "--undefined-only", core) - names(nm, "--defined-only", core)
    for name in sorted(needed - ALLOWED):
        print(f"the core needs {name}")
    return 1 if needed - ALLOWED else 0


def names(nm: str, which: str, objects: list[str]) -> set[str]:
    command = [nm, "-g", which, "-P", *objects]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[0] for line in lines if len(line.split()) > 1}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
