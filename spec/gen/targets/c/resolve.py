"""C: the public header, the tables of the core, the registries' operations, the layout asserts."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, layout, prose
from spec.gen.model import Api, Field, Operation, Value
from spec.gen.names import upper
from spec.gen.render import Output
from spec.gen.text import fill

from . import codecs, core

WIDTH = 100
SIZE_DOC = "Size of this struct."
HEADER = "native/include/scopeflow/scopeflow.h"


@dataclass(frozen=True)
class Definition:
    """`#define name value`."""

    doc: str
    name: str
    value: str


@dataclass(frozen=True)
class Enumeration:
    doc: str
    type: str
    integer: str
    members: tuple[Definition, ...]


@dataclass(frozen=True)
class Member:
    doc: str
    declaration: str


@dataclass(frozen=True)
class Struct:
    doc: str
    type: str
    members: tuple[Member, ...]
    init_name: str = ""  # the macro for its initial value, where it has one
    init: str = ""


@dataclass(frozen=True)
class Function:
    doc: tuple[str, ...]
    prototype: str


@dataclass(frozen=True)
class Section:
    """What one module brings to the header."""

    title: str
    doc: str
    constants: tuple[Definition, ...]
    enums: tuple[Enumeration, ...]
    callbacks: tuple[tuple[str, str], ...]  # doc, declaration
    values: tuple[tuple[str, str, int], ...]  # doc, type, 64-bit words
    structs: tuple[Struct, ...]
    functions: tuple[Function, ...]


def outputs(api: Api) -> list[Output]:
    src = "native/src"
    return [
        Output(HEADER, "scopeflow.h.j2", header_context(api)),
        Output(f"{src}/base/names.gen.h", "names.gen.h.j2", core.names_context(api)),
        Output(f"{src}/base/names.gen.c", "names.gen.c.j2", core.names_context(api)),
        *codecs.outputs(api),
        Output(f"{src}/base/checks.gen.h", "checks.gen.h.j2", core.checks_context(api)),
        Output(f"{src}/api/registries.gen.c", "registries.gen.c.j2", core.registries_context(api)),
        Output(f"{src}/api/library.gen.c", "library.gen.c.j2", {"table": table_names(api)}),
        Output("tests/abi/layout.gen.c", "layout.gen.c.j2", {"layouts": layout.layouts(api)}),
    ]


def header_context(api: Api) -> dict:
    sections = [section(api, module.name) for module in api.modules]
    structs = [struct.type for part in sections for struct in part.structs]
    return {
        "version": api.version,
        "abi_hash": f"UINT64_C(0x{api.abi_hash:016x})",
        "handles": [(h.doc, cabi.PREFIX + h.name) for h in api.handles],
        "types": [*(cabi.PREFIX + v.name for v in api.values), *structs],
        "has_table": api.table is not None,
        "statuses": [enumerator("status", value) for value in api.statuses],
        "sections": sections,
    }


def section(api: Api, module: str) -> Section:
    operations = api.of(module, api.operations)
    structs = [plain_struct(s.name, s.doc, s.fields) for s in api.of(module, api.structs)]
    structs += [options_struct(api, op) for op in operations if cabi.has_options(op)]
    if api.host is not None and module == api.host.module:
        structs.insert(0, host_struct(api))
    if api.table is not None and module == api.table.module:
        structs.append(table_struct(api))
    return Section(
        title=upper(module),
        doc=next(m.doc for m in api.modules if m.name == module),
        constants=tuple(
            Definition(c.doc, cabi.constant_name(c), literal(c.value, c.type.kind))
            for c in api.of(module, api.constants)
        ),
        enums=enumerations(api, module),
        callbacks=tuple(
            (c.doc, cabi.callback_declaration(c)) for c in api.of(module, api.callbacks)
        ),
        values=tuple(
            (v.doc, cabi.PREFIX + v.name, v.size // 8) for v in api.of(module, api.values)
        ),
        structs=tuple(structs),
        functions=tuple(function(api, op) for op in operations),
    )


def literal(value: int, kind: str) -> str:
    if kind == "i64":
        return "INT64_MIN" if value == -(2**63) else f"INT64_C({value})"
    return f"{value}u"


def enumerator(kind: str, value: Value) -> Definition:
    return Definition(value.doc, cabi.value_name(kind, value.name), str(value.value))


def enumerations(api: Api, module: str) -> tuple[Enumeration, ...]:
    plain = [
        Enumeration(e.doc, cabi.PREFIX + e.name, "int32_t", _members(e.name, e.values))
        for e in api.of(module, api.enums)
    ]
    flags = [
        Enumeration(f.doc, cabi.PREFIX + f.name, "uint32_t", _members(f.name, f.bits))
        for f in api.of(module, api.flags)
    ]
    return (*plain, *flags)


def _members(kind: str, values: tuple[Value, ...]) -> tuple[Definition, ...]:
    return tuple(enumerator(kind, value) for value in values)


def plain_struct(name: str, doc: str, fields: tuple[Field, ...]) -> Struct:
    members = [Member(f.doc, cabi.member(f).declaration) for f in fields]
    if fields[0].name != "struct_size":
        return Struct(doc, cabi.PREFIX + name, tuple(members))
    return _with_init(name, doc, members, [cabi.nothing(f.type) for f in fields[1:]])


def host_struct(api: Api) -> Struct:
    size, context = cabi.HOST_MEMBERS
    members = [
        Member(SIZE_DOC, size.declaration),
        Member("Handed to every function.", context.declaration),
        *(Member(f.doc, cabi.host_function_declaration(f)) for f in api.host.functions),
    ]
    return _with_init("host", api.host.doc, members, ["NULL"] * (len(members) - 1))


def table_struct(api: Api) -> Struct:
    members = [Member(SIZE_DOC, cabi.HOST_MEMBERS[0].declaration)]
    members += [
        Member(f"See `{c.name}`.", "\n    ".join(wrapped_pointer(c)))
        for c in cabi.table_functions(api)
    ]
    return Struct(api.table.doc, cabi.TABLE, tuple(members))


def wrapped_pointer(c: cabi.CFunction) -> list[str]:
    """On one line where it fits, else the parameters on lines of their own."""
    line = cabi.pointer_declaration(c)
    if len(line) + len("    ;") <= WIDTH:
        return [line]
    start, _, _ = line.partition(")(")
    parameters = fill([p.declaration for p in c.parameters], WIDTH - 8 - len(");"))
    last = len(parameters) - 1
    lines = [f"    {part}{')' if i == last else ''}" for i, part in enumerate(parameters)]
    return [f"{start})(", *lines]


def table_names(api: Api) -> list[str]:
    return [c.name for c in cabi.table_functions(api)]


def options_struct(api: Api, operation: Operation) -> Struct:
    """Its members' docs say what is optional, the default and the range."""
    members = [Member(SIZE_DOC, cabi.options_members(operation)[0].declaration)]
    values = []
    for member in cabi.options_members(operation)[1:]:
        limits = prose.limits(member.source)
        doc = member.source.doc + (f" ({limits})" if limits else "")
        members.append(Member(doc, member.declaration))
        values.append(cabi.default_value(member.source, api))
    doc = f"The arguments of `{cabi.function_name(operation)}`."
    return _with_init(operation.id + "_options", doc, members, values)


def _with_init(name: str, doc: str, members: list[Member], values: list[str]) -> Struct:
    """A struct with a macro for its initial value, which names its members by their order so that
    C++17 takes it too."""
    type_name = cabi.PREFIX + name
    init = " \\\n     ".join(fill([f"(uint32_t)sizeof({type_name})", *values], WIDTH - 8))
    return Struct(doc, type_name, tuple(members), f"{cabi.MACRO}{upper(name)}_INIT", init)


def function(api: Api, operation: Operation) -> Function:
    c = cabi.function(operation)
    doc = [operation.doc]
    if not cabi.has_options(operation):
        doc += [f"{cabi.member_name(a)}: {a.doc}" for a in operation.arguments]
    if operation.out is not None:
        name = c.parameters[-2].name if c.is_fallible else "Returns"
        doc.append(f"{name}: {operation.out.doc}")
    if units := prose.units(operation):
        doc.append(f"Units: {', '.join(units)}.")
    if ownership := prose.ownership(operation, api):
        doc.append(f"Ownership: {' '.join(ownership)}")
    if operation.errors:
        doc.append(f"Errors: {', '.join(prose.errors(operation, api))}.")
    doc.append(f"Thread: {prose.thread(operation, api)}")
    return Function(tuple(doc), prototype(c))


def prototype(c: cabi.CFunction) -> str:
    """On one line where it fits, else the parameters on lines of their own."""
    marks = "SCOPEFLOW_API SCOPEFLOW_NODISCARD" if c.is_fallible else "SCOPEFLOW_API"
    line = f"{marks} {c.prototype};"
    if len(line) <= WIDTH:
        return line
    parameters = fill([p.declaration for p in c.parameters], WIDTH - 4 - len(");"))
    return f"{marks} {c.returns}\n{c.name}(\n    " + "\n    ".join(parameters) + ");"
