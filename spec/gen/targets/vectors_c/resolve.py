"""The C runner of the vectors: an operation's name -> a function that reads its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Argument, Field, Operation, Type, Value
from spec.gen.render import Output

PATH = "tests/c/dispatch.gen.h"
# What a case can call an operation on; the rest is the runner's own business.
OWNERS = {"handle.runtime": "runtime", "handle.scope": "scope"}


@dataclass(frozen=True)
class Table:
    """The names of an enum or of a flag set with their numbers."""

    name: str
    entries: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Dispatch:
    """One function: `statements` prepare, `results` hand over what came out."""

    name: str
    owner: str
    is_task: bool
    statements: tuple[str, ...]
    results: tuple[str, ...]


def outputs(api: Api) -> list[Output]:
    operations = [op for op in api.operations if is_called_by_cases(op)]
    context = {
        "tables": tables(api, operations),
        "wire_tables": [table_name(f.name) for f in api.flags if f.wire],
        "operations": [dispatch(op, api) for op in operations],
    }
    return [Output(PATH, "dispatch.h.j2", context)]


def is_called_by_cases(operation: Operation) -> bool:
    """Operations on tasks are what a driver does, not what an application does. A scope is the only
    handle that a case can keep."""
    kinds = ("call", "task", "accessor")
    out = operation.out
    makes_other_handle = out and out.type.kind == "handle" and out.type.name != "scope"
    return (
        operation.kind in kinds
        and not makes_other_handle
        and not operation.is_native
        and operation.on is not None
        and operation.on.spelling in OWNERS
        and all(a.type.kind != "value" for a in operation.arguments)
    )


def table_name(name: str) -> str:
    return f"names_of_{name}"


def tables(api: Api, operations: list[Operation]) -> list[Table]:
    """Of every enum and flag set that an argument or a result of these operations has."""
    used = {a.type.name for op in operations for a in op.arguments}
    used |= {f.type.name for op in operations for f in result_fields(op, api)}
    used |= {op.out.type.name for op in operations if op.out}
    used |= {f.name for f in api.flags if f.wire}
    sets = [(e.name, e.values) for e in api.enums] + [(f.name, f.bits) for f in api.flags]
    return [Table(table_name(name), entries(values)) for name, values in sets if name in used]


def entries(values: tuple[Value, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((value.name, value.value) for value in values)


def result_fields(operation: Operation, api: Api) -> tuple[Field, ...]:
    out = operation.out
    return api.struct(out.type.name).fields if out and out.type.kind == "struct" else ()


def dispatch(operation: Operation, api: Api) -> Dispatch:
    owner = OWNERS[operation.on.spelling]
    make = {"task": task, "call": call, "accessor": accessor}[operation.kind]
    statements, results = make(operation, owner, api)
    return Dispatch(
        operation.id, owner, operation.kind == "task", tuple(statements), tuple(results)
    )


def task(operation: Operation, owner: str, api: Api) -> tuple[list[str], list[str]]:
    options = cabi.options_name(operation)
    members = [m for m in cabi.options_members(operation) if m.source is not None]
    statements = [f"{options} options = {options.upper()}_INIT;"]
    for member in members:
        value = argument(member.source, operation, f"options.{member.name}")
        statements.append(f"options.{member.name} = {value};")
    name = cabi.function_name(operation)
    statements.append(f"c->status = {name}(c->{owner}, &options, &c->task, &c->step, &c->error);")
    return statements, []


def call(operation: Operation, owner: str, api: Api) -> tuple[list[str], list[str]]:
    values = [f"c->{owner}"]
    values += [argument(a, operation, default(a)) for a in operation.arguments]
    statements = []
    results = []
    if operation.out is not None:
        kind = cabi.c_type(operation.out.type)
        blank = "" if kind.endswith("*") else " "
        statements = [f"{kind}{blank}out;", "memset(&out, 0, sizeof out);"]
        values.append("&out")
        results = out_statements(operation, api)
    values.append("&c->error")
    statements.append(f"c->status = {cabi.function_name(operation)}({', '.join(values)});")
    return statements, results


def accessor(operation: Operation, owner: str, api: Api) -> tuple[list[str], list[str]]:
    kind = cabi.c_type(operation.out.type)
    statements = [f"{kind} const out = {cabi.function_name(operation)}(c->{owner});"]
    return statements, out_statements(operation, api)


def default(a: Argument) -> str:
    return str(a.default) if isinstance(a.default, int) else "0"


def argument(a: Argument, operation: Operation, otherwise: str) -> str:
    """The expression that reads an argument of the case."""
    if a.type.kind == "handle":
        return "call_current(c)" if a.name == "current" else f'call_scope(c, "{a.name}")'
    if a.type.kind == "emitter":
        return "call_emitter(c)"
    if a.type.kind == "flags" and operation.registry:
        return f"call_callable_flags(c, {table_name(a.type.name)})"
    if a.type.kind == "enum":
        return f'call_enum(c, "{a.name}", {table_name(a.type.name)}, {otherwise})'
    if a.type.kind == "flags":
        return f'call_flags(c, "{a.name}", {table_name(a.type.name)}, {otherwise})'
    if a.type.is_reference:
        take = "true" if a.passing == "take" else "false"
        return f'call_{a.type.kind}(c, "{a.name}", {take})'
    if a.type.kind in ("string", "bytes"):
        return f'call_text(c, "{a.name}")'
    integer = cabi.c_type(a.type)
    return f'({integer})call_integer(c, "{a.name}", {otherwise})'


def out_statements(operation: Operation, api: Api) -> list[str]:
    out = operation.out
    if out.type.kind == "struct":
        return [
            out_statement(f.name, f.type, f"out.{cabi.member_name(f)}")
            for f in api.struct(out.type.name).fields
        ]
    return [out_statement(out.name, out.type, "out")]


def out_statement(name: str, kind: Type, value: str) -> str:
    if kind.kind == "enum":
        return f'call_out_enum(c, "{name}", {table_name(kind.name)}, {value});'
    if kind.kind == "handle":
        return f"call_out_scope(c, {value});"
    if kind.kind == "uuid":
        return f'call_out_uuid(c, "{name}", &{value});'
    if kind.kind == "chars":
        return f'call_out_text(c, "{name}", c_text({value}));'
    if kind.kind == "string":
        return f'call_out_text(c, "{name}", {value});'
    if kind.kind == "u64":
        return f'call_out_unsigned(c, "{name}", {value});'
    return f'call_out_integer(c, "{name}", (int64_t){value});'
