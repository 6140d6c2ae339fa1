"""What is needed to build an extension in C against scopeflow: the folder of its header.

    cc -fPIC -shared -I "$(python -c 'import scopeflow; print(scopeflow.get_include())')" …

The extension is not linked to scopeflow. It finds the functions in the process:

    const scopeflow_functions *table = PyCapsule_Import("scopeflow._native.functions", 0);

and is given a runtime or a scope to register on, `Runtime.capsule` and `ScopeHandle.capsule`, whose
names are `scopeflow.runtime` and `scopeflow.scope`. `examples/extension` is one.

>>> default_runtime.capsule
<capsule object "scopeflow.runtime" at 0x...>
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_include"]


def get_include() -> str:
    """The folder to give to a C compiler's `-I`; the header in it is `scopeflow/scopeflow.h`.

    >>> from pathlib import Path
    >>> Path(scopeflow.get_include(), "scopeflow", "scopeflow.h").exists()
    True
    """
    return str(Path(__file__).parent / "include")
