"""The model: what the API is, in no language's terms. Built from checked documents, never changed.

Everything stands in the spec's order: modules as index.yaml lists them, items as their file does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .codecs import CodecForm, CodecMaps
from .examples import Example
from .wire import Encodings, Wire


@dataclass(frozen=True)
class Type:
    """A type: a `kind` and, for the kinds that have one, the name of the thing meant.

    Kinds without a name are the primitives (`bool i32 u32 i64 u64 f64 size string bytes uuid`),
    host references (`ref payload callable error`), and `status timestamp emitter host`; those
    with one are `enum flags handle struct value callback`. `chars` is an array of `size` bytes.
    """

    kind: str
    name: str = ""
    size: int = 0

    @property
    def is_reference(self) -> bool:
        """Whether it is one of the host's own objects."""
        return self.kind in ("ref", "payload", "callable", "error")

    @property
    def spelling(self) -> str:
        """As the spec writes it."""
        if self.kind == "chars":
            return f"char[{self.size}]"
        return f"{self.kind}.{self.name}" if self.name else self.kind


@dataclass(frozen=True)
class Value:
    """A member of an enum, a bit of a flag set, or a status."""

    name: str
    value: int
    doc: str


@dataclass(frozen=True)
class Enum:
    name: str
    module: str
    doc: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Flags:
    name: str
    module: str
    doc: str
    wire: bool  # the bits' names stand in events
    bits: tuple[Value, ...]

    @property
    def mask(self) -> int:
        """All known bits."""
        return sum(bit.value for bit in self.bits)


@dataclass(frozen=True)
class Constant:
    name: str
    module: str
    type: Type
    unit: str
    value: int
    doc: str


@dataclass(frozen=True)
class Field:
    name: str
    type: Type
    unit: str
    doc: str


@dataclass(frozen=True)
class Struct:
    name: str
    module: str
    doc: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Handle:
    """An object behind a pointer. `thread` is `confined` (one at a time) or `shared`."""

    name: str
    module: str
    doc: str
    thread: str


@dataclass(frozen=True)
class Opaque:
    """A value in the caller's memory whose content is private; `size` in bytes."""

    name: str
    module: str
    doc: str
    size: int


@dataclass(frozen=True)
class Callback:
    """A function of the caller's that the core calls; it returns nothing."""

    name: str
    module: str
    doc: str
    arguments: tuple[Field, ...]


@dataclass(frozen=True)
class Table:
    """Operations as a row of pointers, for callers that are not linked to the library."""

    module: str
    doc: str
    functions: tuple[str, ...]  # ids of operations


@dataclass(frozen=True)
class HostFunction:
    name: str
    returns: Type  # also the kinds `void`, `pointer` and `buffer`
    arguments: tuple[Field, ...]
    doc: str


@dataclass(frozen=True)
class Host:
    """The function table that a host lends to the core."""

    module: str
    doc: str
    functions: tuple[HostFunction, ...]


@dataclass(frozen=True)
class Argument:
    """`passing` is borrow, copy, take or retain; `range` is inclusive at both ends."""

    name: str
    type: Type
    unit: str
    optional: bool
    default: int | str | bool | None  # an enum's default is its value's name
    range: tuple[int, int] | None
    passing: str
    doc: str

    @property
    def is_required(self) -> bool:
        return not self.optional and self.default is None


@dataclass(frozen=True)
class Out:
    name: str
    type: Type
    passing: str
    doc: str


@dataclass(frozen=True)
class Registry:
    """A kind of middleware (S3.1). Its operations stand among the others of its module."""

    name: str
    module: str
    value: int
    title: str
    doc: str
    has_priority: bool
    accepts_async: bool
    answer: str
    call_arguments: tuple[str, ...]
    not_yet: tuple[str, ...] = ()  # languages whose layer lacks it


@dataclass(frozen=True)
class Operation:
    """`on` is what it is called on: a handle, an opaque value, or None for a constructor.

    `registry` and `action` are set for those that come from a registry: the registry's name, and
    `register` or `deregister`.
    """

    id: str
    name: str
    module: str
    kind: str
    doc: str
    on: Type | None
    arguments: tuple[Argument, ...]
    out: Out | None
    result: str
    errors: tuple[str, ...]
    availability: str
    registry: str = ""
    action: str = ""
    blocks: bool = False  # It may wait: a binding lets its other threads run meanwhile.
    is_native: bool = False  # For code in C: no language's layer offers it.
    not_yet: tuple[str, ...] = ()  # languages whose layer lacks it
    by_hand: tuple[str, ...] = ()  # languages that make no method of it


@dataclass(frozen=True)
class Module:
    name: str
    prefix: str
    doc: str
    availability: str
    is_native: bool


@dataclass(frozen=True)
class Api:
    version: str
    abi_hash: int  # 64 bits over all that a compiled binding depends on
    modules: tuple[Module, ...]
    outcomes: tuple[Value, ...]
    errors: tuple[Value, ...]
    constants: tuple[Constant, ...]
    enums: tuple[Enum, ...]
    flags: tuple[Flags, ...]
    handles: tuple[Handle, ...]
    values: tuple[Opaque, ...]
    structs: tuple[Struct, ...]
    callbacks: tuple[Callback, ...]
    table: Table | None
    host: Host | None
    registries: tuple[Registry, ...]
    operations: tuple[Operation, ...]
    wire: Wire | None
    encodings: Encodings | None
    codec_forms: tuple[CodecForm, ...]
    codec_maps: CodecMaps | None
    examples: tuple[Example, ...] = ()

    @property
    def statuses(self) -> tuple[Value, ...]:
        return self.outcomes + self.errors

    def of_language(self, language: str) -> Api:
        """What that language's layer offers; the number of the ABI stays that of the whole."""
        registries = tuple(r for r in self.registries if language not in r.not_yet)
        operations = tuple(op for op in self.operations if language not in op.not_yet)
        offered = replace(self, registries=registries, operations=operations)
        return offered.without_native() if language else offered

    def without_native(self) -> Api:
        """Without what is only for code in C."""
        native = {module.name for module in self.modules if module.is_native}
        parts = ("enums", "flags", "handles", "values", "structs", "callbacks", "operations")
        rest = {
            part: tuple(item for item in getattr(self, part) if item.module not in native)
            for part in parts
        }
        return replace(self, table=None, **rest)

    def of(self, module: str, items: tuple) -> tuple:
        """Those of the items that belong to a module."""
        return tuple(item for item in items if item.module == module)

    def enum(self, name: str) -> Enum:
        return _named(self.enums, name)

    def flag_set(self, name: str) -> Flags:
        return _named(self.flags, name)

    def struct(self, name: str) -> Struct:
        return _named(self.structs, name)

    def handle(self, name: str) -> Handle:
        return _named(self.handles, name)

    def error(self, name: str) -> Value:
        return _named(self.errors, name)


def _named(items: tuple, name: str):
    return next(item for item in items if item.name == name)
