"""One argument or result: the Cython line that converts it, and the type that a stub says."""

from __future__ import annotations

from spec.gen import cabi
from spec.gen.model import Api, Argument, Type

from . import shape

INTEGER_RANGES = {
    "i32": (-(2**31), 2**31 - 1),
    "u32": (0, 2**32 - 1),
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
    "size": (0, 2**64 - 1),
}
# What fits beside the indentation of a method.
LINE_WIDTH = 92
JSON = "object"
TIME = "datetime | int"


def argument_line(argument: Argument, name: str, target: str, api: Api) -> str:
    """`name` (a Python object) -> `target` (a C lvalue), as one statement."""
    kind = argument.type
    quoted = f'"{name}"'
    if kind.kind in ("string", "bytes"):
        prefix = "optional_" if argument.optional else ""
        noun = "text" if kind.kind == "string" else "bytes"
        return f"{prefix}{noun}_argument({name}, {quoted}, &{target})"
    if kind.kind == "struct":
        raise ValueError(f"{name}: a struct cannot be given from Python")
    if kind.kind == "handle":
        return handle_lines(name, target, shape.handle_class(kind.name), argument.optional)
    return broken(f"{target} = {_value(argument, name, quoted, api)}")


def callable_lines(name: str, target: str, registry: str) -> str:
    """Two statements: what is known about the callable is kept with it (S3.9)."""
    return (
        f'{name} = registered_callable({name}, "{name}", name, {registry})\n'
        f"{target} = <scopeflow_ref><PyObject *>{name}"
    )


def handle_lines(name: str, target: str, of_class: str, optional: bool = False) -> str:
    """Two statements: the check, and the pointer, which the caller's reference keeps alive."""
    prefix = "optional_" if optional else ""
    choice = f"NULL if {name} is None else " if optional else ""
    return (
        f'{prefix}handle_argument({name}, {of_class}, "{name}")\n'
        f"{target} = {choice}(<{of_class}>{name}).pointer"
    )


def broken(line: str) -> str:
    """A choice that is too long for a line, on three."""
    before, separator, last = line.partition(" else ")
    if len(line) <= LINE_WIDTH or not separator:
        return line
    target, _, first = before.partition(" = ")
    return f"{target} = (\n    {first}\n    else {last}\n)"


def _value(argument: Argument, name: str, quoted: str, api: Api) -> str:
    kind = argument.type
    if kind.kind == "enum":
        given = f"enum_argument({name}, {shape.enum_class(kind.name)}, {quoted})"
        return _with_default(name, given, argument, api)
    if kind.kind == "flags":
        if kind.name in shape.DRIVER_FLAGS:
            return f"u32_argument({name}, 0, {2**32 - 1}u, {quoted})"
        mask = api.flag_set(kind.name).mask
        given = f"flags_argument({name}, {shape.flags_class(kind.name)}, {mask:#x}, {quoted})"
        return _with_default(name, given, argument, api)
    if kind.kind in INTEGER_RANGES:
        lowest, highest = argument.range or INTEGER_RANGES[kind.kind]
        return f"{kind.kind}_argument({name}, {literal(lowest)}, {literal(highest)}, {quoted})"
    if kind.kind == "payload" and not argument.optional:
        return f"<scopeflow_ref><PyObject *>{name}"
    if kind.kind in ("payload", "ref") or (kind.kind == "callable" and argument.optional):
        return f"payload_argument({name})"
    return f"{_CONVERTERS[kind.kind]}({name}, {quoted})"


_CONVERTERS = {
    "bool": "bool_argument",
    "f64": "f64_argument",
    "error": "error_argument",
    "timestamp": "timestamp_argument",
}


def _with_default(name: str, given: str, argument: Argument, api: Api) -> str:
    if argument.default is None and not argument.optional:
        return given
    default = cabi.default_value(argument, api)
    return f"{default.rstrip('u')} if {name} is None else {given}"


def literal(number: int) -> str:
    """A C literal; the lowest i64 has none of its own."""
    if number == -(2**63):
        return "INT64_MIN"
    if number > 2**63 - 1:
        return "UINT64_MAX"
    return str(number)


def signature_default(argument: Argument) -> str | None:
    """What stands after `=`; None where the argument has to be given."""
    if argument.is_required:
        return None
    if argument.optional or argument.type.kind in ("enum", "flags"):
        return "0" if argument.type.name in shape.DRIVER_FLAGS else "None"
    return str(argument.default)


def argument_hint(argument: Argument, api: Api, callback: str = "Callable[..., object]") -> str:
    kind = argument.type
    hint = callback if kind.kind == "callable" else type_hint(kind)
    if kind.kind == "flags" and kind.name not in shape.DRIVER_FLAGS:
        hint = f"{hint} | int"
    if signature_default(argument) == "None" and hint != JSON:
        hint = f"{hint} | None"
    return hint


def type_hint(kind: Type) -> str:
    if kind.kind == "enum":
        return shape.enum_class(kind.name)
    if kind.kind == "flags":
        return "int" if kind.name in shape.DRIVER_FLAGS else shape.flags_class(kind.name)
    if kind.kind == "handle":
        return shape.handle_class(kind.name)
    if kind.kind == "struct":
        return shape.struct_class(kind.name)
    return _HINTS[kind.kind]


_HINTS = {
    **dict.fromkeys(INTEGER_RANGES, "int"),
    "bool": "bool",
    "f64": "float",
    "string": "str",
    "chars": "str",
    "bytes": "bytes",
    "uuid": "str",
    "status": "int",
    "timestamp": TIME,
    "payload": JSON,
    "ref": JSON,
    "error": "BaseException",
}


def field_hint(kind: Type) -> str:
    """As `type_hint`, for what is read: a time is its nanoseconds."""
    return "int" if kind.kind == "timestamp" else type_hint(kind)


def result(kind: Type, source: str) -> str:
    """A C value as a Python object."""
    if kind.kind == "enum":
        return f"enum_member({shape.enum_class(kind.name)}, {source})"
    if kind.kind == "flags" and kind.name not in shape.DRIVER_FLAGS:
        return f"{shape.flags_class(kind.name)}({source})"
    if kind.kind == "handle":
        return f"adopt_{kind.name}(self, {source})"
    if kind.kind == "struct":
        return f"make_{kind.name}(&{source})"
    if kind.kind == "uuid":
        return f"uuid_text(&{source})"
    return _RESULTS.get(kind.kind, "{}").format(source)


_RESULTS = {
    "bool": "{} != 0",
    "string": "text_of({})",
    "chars": "text_of_chars({})",
    "bytes": "bytes_of({})",
    "payload": "object_of({})",
    "ref": "object_of({})",
    "error": "object_of({})",
}


def c_local(kind: Type) -> str:
    """The declaration type of a C local: `scopeflow_bytes`, `scopeflow_scope *`."""
    return cabi.c_type(kind)
