"""Two surfaces -> what differs, and whether it breaks who was compiled against the first.

Whatever is gone or means something else breaks; whatever is new does not, but for a member of a
struct, since the struct lies in memory that the caller has measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .surface import Parts, Surface

# The core completes a host of fewer functions and a shorter callable (scope/runtime.c and
# registry/native_callable.c in native/src); who reads the table of functions asks how long it is.
GROWING_STRUCTS = {
    "struct scopeflow_host",
    "struct scopeflow_native_callable",
    "struct scopeflow_functions",
}
# Kinds of items to which a part may be added: a number that nobody has used yet.
GROWING_KINDS = {"enum", "flags"}


@dataclass(frozen=True)
class Change:
    is_breaking: bool
    item: str
    text: str

    def __str__(self) -> str:
        return f"{'breaking' if self.is_breaking else 'additive'}  {self.item}: {self.text}"


def compare(old: Surface, new: Surface) -> list[Change]:
    """The breaking ones first."""
    changes = [Change(True, item, "is gone") for item in old if item not in new]
    changes += [Change(False, item, "is new") for item in new if item not in old]
    for item in old:
        if item in new:
            changes += _parts(item, old[item], new[item])
    return sorted(changes, key=lambda change: (not change.is_breaking, change.item))


def _parts(item: str, old: Parts, new: Parts) -> Iterator[Change]:
    for part in old.keys() - new.keys():
        yield Change(not _may_go(part), item, f"{part} is gone, it was {old[part]}")
    for part in new.keys() - old.keys():
        yield Change(not _may_be_added(item, part), item, f"{part} is new, {new[part]}")
    for part in old.keys() & new.keys():
        if old[part] != new[part]:
            text = f"{part} is {new[part]}, it was {old[part]}"
            yield Change(not _is_wider(item, part, old[part], new[part]), item, text)


def _may_go(part: str) -> bool:
    """Whoever kept to a limit does no harm where there is none."""
    return part.startswith("range of ")


def _may_be_added(item: str, part: str) -> bool:
    """Whoever gave what had to be given may go on giving it."""
    is_growing = item.split()[0] in GROWING_KINDS or item in GROWING_STRUCTS
    return is_growing or part.startswith(("default of ", "absence of "))


def _is_wider(item: str, part: str, old: object, new: object) -> bool:
    if part in ("availability", "thread"):
        return new in ("everywhere", "shared")
    if part.startswith("range of ") and isinstance(old, list) and isinstance(new, list):
        return new[0] <= old[0] and new[1] >= old[1]
    return part == "size" and item in GROWING_STRUCTS and _is_larger(old, new)


def _is_larger(old: object, new: object) -> bool:
    sizes = zip(old, new, strict=True) if isinstance(old, list) and isinstance(new, list) else ()
    return all(after >= before for before, after in sizes)
