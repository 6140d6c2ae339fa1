"""Every public function, called as it should be and in each of the ways in which it must not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Argument
from spec.gen.names import words

# What is called on nothing when it is called as it should be, for it would end what others need.
ENDING = ("release", "destructor", "abandon")


@dataclass(frozen=True)
class Way:
    """One wrong way: what is wrong, and the statement that makes it so."""

    number: int
    title: str
    statement: str


@dataclass(frozen=True)
class Misused:
    """`locals` are the arguments as they should be; `freed` makes `self` a handle as it is."""

    name: str
    handle: str  # what it is called on, or empty
    is_fallible: bool
    locals: tuple[str, ...]
    ways: tuple[Way, ...]
    freed: str
    call: str
    after: tuple[str, ...]


def functions(api: Api) -> list[Misused]:
    return [misused(api, c) for c in cabi.functions(api)]


def misused(api: Api, c: cabi.CFunction) -> Misused:
    operation = c.operation
    handle = operation.on.name if operation.on is not None else ""
    found = [(t, s) for t, s in ways(api, c) if c.is_fallible or t.endswith("null")]
    call = f"{c.name}({', '.join(p.name for p in c.parameters)})"
    return Misused(
        name=c.name,
        handle=handle if operation.on is not None and operation.on.kind == "handle" else "",
        is_fallible=c.is_fallible,
        locals=tuple(local_variables(api, c)),
        ways=tuple(Way(i + 1, title, text) for i, (title, text) in enumerate(found)),
        freed=f"self = m->{handle};" if operation.kind in ("release", "destructor") else "",
        call=f"m->status = {call};" if c.is_fallible else call_for_nothing(c, call),
        after=tuple(after(api, c)),
    )


def call_for_nothing(c: cabi.CFunction, call: str) -> str:
    return f"{call};" if c.returns == "void" else f"(void){call};"


# --- Arguments as they should be ---


def local_variables(api: Api, c: cabi.CFunction) -> Iterator[str]:
    if cabi.has_options(c.operation):
        name = cabi.options_name(c.operation)
        yield f"{name} given = {name.upper()}_INIT;"
        for member in cabi.options_members(c.operation)[1:]:
            if member.source.is_required:
                yield f"given.{member.name} = {value(api, member.source)};"
    for parameter in c.parameters:
        yield f"{declaration(parameter)} = {initial(api, c, parameter)};"


def declaration(parameter: cabi.CMember) -> str:
    blank = "" if parameter.type.endswith("*") else " "
    return f"{parameter.type}{blank}{parameter.name}"


def initial(api: Api, c: cabi.CFunction, parameter: cabi.CMember) -> str:
    if parameter.name == "self" or parameter.type == cabi.PREFIX + "task *":
        if parameter.name != "self":
            return "m->task"
        return "NULL" if c.operation.kind in ENDING else f"m->{c.operation.on.name}"
    if parameter.name == "options":
        return "&given"
    if parameter.name == "out_error":
        return "&m->error"
    if parameter.name == "out_step":
        return "&m->step"
    if parameter.name.startswith("out_"):
        return f"&m->{out_place(parameter)}"
    return value(api, parameter.source)


def out_place(parameter: cabi.CMember) -> str:
    """The member of the fixture that has room for what comes out: `out_scope_info`."""
    kind = parameter.type.removesuffix(" *").removesuffix("*").removesuffix(" *")
    return "out_" + kind.removeprefix(cabi.PREFIX)


def value(api: Api, argument: Argument) -> str:
    kind = argument.type.kind
    if kind in ("string", "bytes"):
        return "m->text"
    if kind == "handle":
        return f"m->{argument.type.name}"
    if kind == "value":
        return "m->task"
    if kind == "struct":
        return f"&m->{argument.type.name}"
    if argument.type.is_reference:
        return "m->ref"
    if kind == "host":
        return "m->host"
    if kind == "enum":
        return cabi.value_name(argument.type.name, api.enum(argument.type.name).values[0].name)
    return "0"


# --- Ways in which they must not be ---


def ways(api: Api, c: cabi.CFunction) -> Iterator[tuple[str, str]]:
    for parameter in c.parameters:
        is_needed = parameter.source is None or parameter.source.is_required
        is_pointer = parameter.type.endswith("*") and parameter.name not in ("out_error", "host")
        if is_pointer and is_needed:
            yield f"{parameter.name} is null", f"{parameter.name} = NULL;"
    if not cabi.has_options(c.operation):
        for parameter in c.parameters:
            if parameter.source is not None:
                yield from wrong_values(parameter.name, parameter.source)
        return
    for size in ("0", "4", "sizeof given - 1"):
        yield f"the options have {size} bytes", f"given.struct_size_bytes = {size};"
    for member in cabi.options_members(c.operation)[1:]:
        yield from wrong_values(f"given.{member.name}", member.source)


def wrong_values(place: str, argument: Argument) -> Iterator[tuple[str, str]]:
    kind = argument.type.kind
    name = words(argument.name)
    if kind in ("string", "bytes"):
        yield f"{name} is bytes at no place", f"{place}.ptr = NULL, {place}.len = 1;"
    if kind == "string":
        yield f"{name} has all bytes there are", f"{place} = m->huge;"
    if kind == "enum":
        yield f"{name} is below all", f"{place} = INT32_MIN;"
        yield f"{name} is beyond all", f"{place} = INT32_MAX;"
    if kind == "flags":
        yield f"{name} has the highest bit", f"{place} = 0x80000000u;"
    if argument.range is not None:
        low, high = argument.range
        suffix = "u" if kind.startswith("u") else ""
        if low > 0 or not suffix:
            yield f"{name} is too small", f"{place} = {low - 1}{suffix};"
        if high < 2**32 - 1 or kind.endswith("64"):
            yield f"{name} is too large", f"{place} = {high + 1}{suffix};"
    if argument.type.is_reference and argument.is_required and kind == "callable":
        yield f"{name} is nothing", f"{place} = 0;"


# --- What has to be given back ---


def after(api: Api, c: cabi.CFunction) -> Iterator[str]:
    operation = c.operation
    if operation.kind == "task":
        yield "misuse_end_task(m);"
    if operation.kind == "retain":
        yield f"{giving_back(api, operation.on.name)}(self);"
    out = operation.out
    if c.is_fallible and out is not None and out.type.kind == "handle":
        place = f"m->out_{out.type.name}"
        call = f"{giving_back(api, out.type.name)}({place});"
        yield f"if (m->status == SCOPEFLOW_STATUS_OK) {call}"


def giving_back(api: Api, handle: str) -> str:
    return next(
        cabi.function_name(op)
        for op in api.operations
        if op.kind in ("release", "destructor") and op.on.name == handle
    )
