"""The core defines exactly the functions that the spec lists, and nothing outside its own prefix.

Usage: symbols.py NM LIBRARY API_JSON
"""

from __future__ import annotations

import json
import subprocess
import sys

# What asks the library as a whole; the spec has no operation for it.
LIBRARY = {"scopeflow_abi_hash", "scopeflow_version", "scopeflow_status_name"}


def main(nm: str, library: str, api_json: str) -> int:
    with open(api_json, encoding="utf-8") as file:
        operations = json.load(file)["operations"]
    wanted = {f"scopeflow_{operation['id']}" for operation in operations} | LIBRARY
    defined = global_symbols(nm, library)
    public = {name for name in defined if not name.startswith("scopeflow__")}

    for name in sorted(wanted - public):
        print(f"{name} is in the spec but not in the library")
    for name in sorted(public - wanted):
        print(f"{name} is in the library but not in the spec")
    return 0 if public == wanted else 1


def global_symbols(nm: str, library: str) -> set[str]:
    """The names that other libraries would see; a leading underscore is the platform's."""
    command = [nm, "-g", "--defined-only", "-P", library]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = (line.split()[0] for line in lines if len(line.split()) > 2)
    return {name.removeprefix("_") for name in names if not name.startswith("__")}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
