"""Every function of the public header is called by the C tests (style.md §7: none is unused)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
HEADER = HERE.parent.parent / "native/include/scopeflow/scopeflow.h"


def main() -> int:
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    # A prototype ends in `);`; a member that points to a function has its name in brackets.
    declared = set(re.findall(r"\b(scopeflow_\w+)\((?=[^;{}]*\);)", text))
    # What is generated calls everything, in wrong ways.
    paths = [path for path in HERE.glob("*.[ch]") if path.name != "misuse.gen.h"]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    unused = sorted(name for name in declared if not re.search(rf"\b{name}\(", sources))
    print("\n".join(f"no C test calls {name}" for name in unused) or f"{len(declared)} functions")
    return 1 if unused or len(declared) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
