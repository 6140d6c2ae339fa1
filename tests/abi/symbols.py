"""The library defines exactly the functions that the spec lists, and nothing outside its prefix.

Usage: symbols.py NM LIBRARY API_JSON [--shared]

A shared library exports nothing else. A static one has internals too, which begin with scopeflow__.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

# What asks the library as a whole; the spec has no operation for it.
LIBRARY = {
    "scopeflow_abi_hash",
    "scopeflow_get_functions",
    "scopeflow_status_name",
    "scopeflow_version",
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("nm")
    parser.add_argument("library")
    parser.add_argument("api_json", type=Path)
    parser.add_argument("--shared", action="store_true")
    options = parser.parse_args()
    operations = json.loads(options.api_json.read_text("utf-8"))["operations"]
    wanted = {f"scopeflow_{operation['id']}" for operation in operations} | LIBRARY
    public = global_symbols(options.nm, options.library, options.shared)
    if not options.shared:
        public = {name for name in public if not name.startswith("scopeflow__")}

    for name in sorted(wanted - public):
        print(f"{name} is in the spec but not in the library")
    for name in sorted(public - wanted):
        print(f"{name} is in the library but not in the spec")
    return 0 if public == wanted else 1


def global_symbols(nm: str, library: str, is_shared: bool) -> set[str]:
    """The names that other libraries would see; a leading underscore is the platform's."""
    which = ["-D"] if is_shared else ["-g"]
    command = [nm, *which, "--defined-only", "-P", library]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = (line.split()[0] for line in lines if len(line.split()) > 2)
    return {name.removeprefix("_") for name in names if not name.startswith("__")}


if __name__ == "__main__":
    sys.exit(main())
