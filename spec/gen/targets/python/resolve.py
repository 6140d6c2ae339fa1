"""Python: Cython declarations, argument checks, enums, errors, stubs and the vectors' table."""

from __future__ import annotations

from spec.gen import cabi
from spec.gen.model import Api, Operation
from spec.gen.render import Output

from . import convert, examples, forms, operations, shape
from .docstrings import of_type

PACKAGE = "python/scopeflow"

LANGUAGE = "python"  # what `not_yet` calls it


def outputs(api: Api) -> list[Output]:
    examples.check(api)
    types = {
        "enums": [enum_context(api, name) for name in shape.user_enums(api)],
        "flags": [flags_context(api, name) for name in shape.user_flags(api)],
        "errors": [error_context(api, error) for error in api.errors],
        "error_names": sorted(shape.error_class(error.name) for error in api.errors),
        "structs": [struct_context(api, name) for name in shape.out_structs(api)],
        "registries": api.registries,
        "handles": [handle_context(api, name) for name in shape.generated_handles(api)],
    }
    methods = [operations.method(api, op) for op in api.operations if shape.is_method(op)]
    tasks = [operations.begin(api, op) for op in api.operations if op.kind == "task"]
    makers = [operations.maker(api, op) for op in api.operations if operations.takes_host(op)]
    return [
        Output(f"{PACKAGE}/_capi.gen.pxi", "capi.gen.pxi.j2", capi_context(api)),
        Output(f"{PACKAGE}/_types.gen.pxi", "types.gen.pxi.j2", types),
        Output(
            f"{PACKAGE}/_operations.gen.pxi",
            "operations.gen.pxi.j2",
            {"tasks": tasks, "makers": makers, "methods": methods, "abi_hash": api.abi_hash},
        ),
        Output(f"{PACKAGE}/_generated.pyi", "generated.pyi.j2", {**types, "methods": methods}),
        Output(f"{PACKAGE}/errors.py", "errors.py.j2", types),
        Output("python/tests/operations_gen.py", "operations_gen.py.j2", table_context(api)),
        *forms.outputs(api),
    ]


# --- The C API ---


def capi_context(api: Api) -> dict:
    values = [cabi.value_name("status", s.name) for s in api.statuses]
    values += [cabi.value_name(e.name, v.name) for e in api.enums for v in e.values]
    values += [cabi.value_name(f.name, b.name) for f in api.flags for b in f.bits]
    structs = [plain_struct(s.name, [cabi.member(f) for f in s.fields]) for s in api.structs]
    structs += [
        plain_struct(f"{op.id}_options", cabi.options_members(op))
        for op in api.operations
        if cabi.has_options(op)
    ]
    host = [m.declaration for m in cabi.HOST_MEMBERS]
    if api.host is not None:
        host += [f"{cabi.host_function_declaration(f)} noexcept" for f in api.host.functions]
    return {
        "values": values,
        "enums": [cabi.PREFIX + e.name for e in api.enums],
        "flags": [cabi.PREFIX + f.name for f in api.flags],
        "constants": [cabi.constant_name(c) for c in api.constants],
        "opaque": [cabi.PREFIX + v.name for v in api.values],
        "handles": [cabi.PREFIX + h.name for h in api.handles],
        "structs": structs,
        "host": host,
        "functions": [f.prototype for f in cabi.functions(api)],
    }


def plain_struct(name: str, members) -> tuple[str, list[str]]:
    return cabi.PREFIX + name, [m.declaration for m in members]


# --- Types ---


def enum_context(api: Api, name: str) -> dict:
    enum = api.enum(name)
    members = [(shape.member_name(v.name), v.value, v.doc) for v in enum.values]
    return {
        "name": shape.enum_class(name),
        "doc": of_type(
            enum.doc,
            examples.session(api, "enums", name),
            [(f"{member} ({value})", doc) for member, value, doc in members],
        ),
        "members": members,
    }


def flags_context(api: Api, name: str) -> dict:
    flags = api.flag_set(name)
    rows = [(f"{b.name.upper()} ({b.value})", b.doc) for b in flags.bits]
    return {
        "name": shape.flags_class(name),
        "doc": of_type(flags.doc, examples.session(api, "flags", name), rows),
        "mask": flags.mask,
        "bits": [(b.name.upper(), f"is_{b.name}", b.value, b.doc) for b in flags.bits],
    }


def error_context(api: Api, error) -> dict:
    return {
        "name": shape.error_class(error.name),
        "bases": shape.error_bases(error.name),
        "stub_bases": shape.error_bases(error.name).replace("Refusal", "ScopeflowError"),
        "has_reason": error.name == "guardrail_rejected",
        "code": error.name,
        "status": error.value,
        "doc": of_type(error.doc, examples.session(api, "errors", error.name)),
    }


def struct_context(api: Api, name: str) -> dict:
    struct = api.struct(name)
    fields = [
        {
            "name": cabi.member_name(f),
            "doc": f.doc,
            "hint": convert.field_hint(f.type),
            "value": convert.result(f.type, f"source.{cabi.member_name(f)}"),
        }
        for f in struct.fields
    ]
    return {
        "name": shape.struct_class(struct.name),
        "doc": of_type(
            struct.doc,
            examples.session(api, "structs", name),
            [(field["name"], field["doc"]) for field in fields],
        ),
        "c_type": cabi.PREFIX + struct.name,
        "make": f"make_{struct.name}",
        "fields": fields,
    }


def handle_context(api: Api, name: str) -> dict:
    ends = {op.kind: cabi.function_name(op) for op in api.operations if _is_on(op, name)}
    return {
        "name": shape.handle_class(name),
        "doc": of_type(api.handle(name).doc, examples.session(api, "handles", name)),
        "c_type": cabi.PREFIX + name,
        "adopt": f"adopt_{name}",
        "free": ends.get("destructor") or ends["release"],
    }


def _is_on(op: Operation, handle: str) -> bool:
    return op.on is not None and op.on.kind == "handle" and op.on.name == handle


# --- The vectors' table ---


def table_context(api: Api) -> dict:
    return {
        "enums": [
            (name, shape.enum_class(name), {v.name: v.value for v in api.enum(name).values})
            for name in shape.user_enums(api)
        ],
        "flags": [(f.name, {bit.name: bit.value for bit in f.bits}) for f in api.flags],
        "registries": api.registries,
        "operations": [table_row(api, op) for op in api.operations if _in_table(op)],
    }


def _in_table(op: Operation) -> bool:
    return op.kind == "task" or shape.is_method(op)


def table_row(api: Api, op: Operation) -> dict:
    arguments = {
        a.name: f'("{shape.argument_name(op, a, api)}", "{a.type.spelling}")'
        for a in op.arguments
        if not shape.is_implicit(a)
    }
    fields = {}
    if op.out is not None and op.out.type.kind == "struct":
        fields = {f.name: f'"{cabi.member_name(f)}"' for f in api.struct(op.out.type.name).fields}
    return {
        "id": op.id,
        "on": "" if op.on is None or op.on.name == "runtime" else op.on.name,
        "arguments": arguments,
        "fields": fields,
    }
