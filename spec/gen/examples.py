"""A use of what the spec names, for the docs of one language. No spec has code: these stand beside
it, in `spec/examples/<language>/*.yaml`, and only that language's target reads them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A session of the language's interactive interpreter; it shows what `section` calls `name`.

    That of a registry has three parts: what is made before, the call that registers it, and what
    comes of it.
    """

    language: str
    section: str  # of a module: `enums`, `operations` and so on
    name: str
    session: str = ""
    given: str = ""
    call: str = ""
    shows: str = ""
