"""Python: Cython declarations, argument checks, enums, errors, stubs and the vectors' table."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Argument, Operation, Struct
from spec.gen.render import Output
from spec.gen.text import fill

from . import convert, shape

PACKAGE = "python/scopeflow"
ERROR_DOC = "Raises {}."
# What fits between `if ` and ` != SCOPEFLOW_STATUS_OK:` in a method.
CALL_WIDTH = 62


@dataclass(frozen=True)
class Parameter:
    """What a user gives: `name: hint = default`; `line` converts it."""

    name: str
    default: str | None
    hint: str
    line: str
    taken: str  # the C lvalue whose reference the core takes, or empty

    @property
    def in_signature(self) -> str:
        return self.name if self.default is None else f"{self.name}={self.default}"

    @property
    def in_stub(self) -> str:
        default = "" if self.default is None else f" = {self.default}"
        return f"{self.name}: {self.hint}{default}"


@dataclass(frozen=True)
class Function:
    """One operation in Cython. `call` is the C call without the error argument."""

    name: str
    doc: tuple[str, ...]
    signature: str  # of the Python method, after `self`
    stub: str
    returns: str
    parameters: tuple[Parameter, ...]
    c_parameters: str  # of a `begin` function
    options: str
    locals: tuple[str, ...]
    call: str
    result: str
    is_fallible: bool

    @property
    def taken(self) -> tuple[str, ...]:
        return tuple(p.taken for p in self.parameters if p.taken)


def outputs(api: Api) -> list[Output]:
    types = {
        "enums": [enum_context(api, name) for name in shape.user_enums(api)],
        "flags": [flags_context(api, name) for name in shape.user_flags(api)],
        "errors": [error_context(error) for error in api.errors],
        "structs": [struct_context(api.struct(name)) for name in shape.out_structs(api)],
        "registries": api.registries,
        "handles": [handle_context(api, name) for name in shape.generated_handles(api)],
    }
    methods = [method(api, op) for op in api.operations if shape.is_method(op)]
    tasks = [begin(api, op) for op in api.operations if op.kind == "task"]
    makers = [maker(api, op) for op in api.operations if _takes_host(op)]
    return [
        Output(f"{PACKAGE}/_capi.gen.pxi", "capi.gen.pxi.j2", capi_context(api)),
        Output(f"{PACKAGE}/_types.gen.pxi", "types.gen.pxi.j2", types),
        Output(
            f"{PACKAGE}/_operations.gen.pxi",
            "operations.gen.pxi.j2",
            {"tasks": tasks, "makers": makers, "methods": methods, "abi_hash": api.abi_hash},
        ),
        Output(f"{PACKAGE}/_native.pyi", "native.pyi.j2", {**types, "methods": methods}),
        Output(f"{PACKAGE}/errors.py", "errors.py.j2", types),
        Output("python/tests/operations_gen.py", "operations_gen.py.j2", table_context(api)),
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
    return {"name": shape.enum_class(name), "doc": enum.doc, "members": members}


def flags_context(api: Api, name: str) -> dict:
    flags = api.flag_set(name)
    return {
        "name": shape.flags_class(name),
        "doc": flags.doc,
        "mask": flags.mask,
        "bits": [(b.name.upper(), f"is_{b.name}", b.value, b.doc) for b in flags.bits],
    }


def error_context(error) -> dict:
    return {
        "name": shape.error_class(error.name),
        "bases": shape.error_bases(error.name),
        "stub_bases": shape.error_bases(error.name).replace("Refusal", "ScopeflowError"),
        "has_reason": error.name == "guardrail_rejected",
        "code": error.name,
        "status": error.value,
        "doc": error.doc,
    }


def struct_context(struct: Struct) -> dict:
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
        "doc": struct.doc,
        "c_type": cabi.PREFIX + struct.name,
        "make": f"make_{struct.name}",
        "fields": fields,
    }


def handle_context(api: Api, name: str) -> dict:
    ends = {op.kind: cabi.function_name(op) for op in api.operations if _is_on(op, name)}
    return {
        "name": shape.handle_class(name),
        "doc": api.handle(name).doc,
        "c_type": cabi.PREFIX + name,
        "adopt": f"adopt_{name}",
        "free": ends.get("destructor") or ends["release"],
    }


def _is_on(op: Operation, handle: str) -> bool:
    return op.on is not None and op.on.kind == "handle" and op.on.name == handle


# --- Operations ---


def begin(api: Api, op: Operation) -> Function:
    """The function that checks the arguments of a task, fills its options and begins it."""
    parameters = parameters_of(api, op, lambda a: f"c_options.{cabi.member_name(a)}")
    driver = [a for a in op.arguments if _is_driver(a)]
    c_parameters = [f"{cabi.c_type(op.on)}c_self"]
    c_parameters += [cabi.member(a).declaration for a in driver]
    c_parameters += [p.name for p in parameters]
    c_parameters += ["scopeflow_task *c_task", "scopeflow_step *c_step"]
    extra = [
        Parameter("", None, "", f"c_options.{cabi.member_name(a)} = {cabi.member_name(a)}", "")
        for a in driver
    ]
    return Function(
        name=f"begin_{op.id}",
        doc=tuple(documentation(api, op)),
        signature="",
        stub="",
        returns="",
        parameters=(*extra, *parameters),
        c_parameters="\n    ".join(fill(c_parameters, 94)) + ",",
        options=cabi.options_name(op),
        locals=(),
        call=c_call(op, ["c_self", "&c_options", "c_task", "c_step", "&c_error"]),
        result="",
        is_fallible=True,
    )


def maker(api: Api, op: Operation) -> Function:
    """The constructor of what is given the host's function table."""
    parameters = parameters_of(api, op, lambda a: f"c_options.{cabi.member_name(a)}")
    c_parameters = ["const scopeflow_host *host", *(p.name for p in parameters)]
    return Function(
        name=f"make_{op.id}",
        doc=tuple(documentation(api, op)),
        signature="",
        stub="",
        returns=cabi.c_type(op.out.type),
        parameters=parameters,
        c_parameters=", ".join(c_parameters),
        options=cabi.options_name(op),
        locals=(f"cdef {cabi.c_type(op.out.type)}c_{op.out.name}",),
        call=c_call(op, ["host", "&c_options", f"&c_{op.out.name}", "&c_error"]),
        result=f"c_{op.out.name}",
        is_fallible=True,
    )


def method(api: Api, op: Operation) -> Function:
    """An operation that is a complete method of Runtime."""
    has_options = cabi.has_options(op)
    target = (lambda a: f"c_options.{cabi.member_name(a)}") if has_options else _local
    parameters = list(parameters_of(api, op, target))
    locals_ = []
    if not has_options:
        locals_ += [f"cdef {_declare(a.type, _local(a))}" for a in op.arguments]
    if op.on is not None and op.on.name != "runtime":
        parameters.insert(0, self_parameter(op))
        locals_.append(f"cdef {_declare(op.on, 'c_self')}")
    c_function = cabi.function(op)
    if op.out is not None:
        locals_.append(f"cdef {_declare(op.out.type, 'c_' + op.out.name)}")
    call = c_call(op, _call_arguments(op, has_options))
    if not c_function.is_fallible:
        call = f"c_{op.out.name} = {call}"
    implicit = [Parameter("", None, "", line, "") for line in _implicit_lines(op)]
    return Function(
        name=op.id,
        doc=tuple(documentation(api, op)),
        signature="".join(f", {p.in_signature}" for p in parameters),
        stub="".join(f", {p.in_stub}" for p in parameters),
        returns="None" if op.out is None else convert.field_hint(op.out.type),
        parameters=(*parameters, *implicit),
        c_parameters="",
        options=cabi.options_name(op) if has_options else "",
        locals=tuple(locals_),
        call=call,
        result="" if op.out is None else convert.result(op.out.type, f"c_{op.out.name}"),
        is_fallible=c_function.is_fallible,
    )


def parameters_of(api: Api, op: Operation, target) -> tuple[Parameter, ...]:
    """What a user gives, required ones first as in the spec."""
    given = [a for a in op.arguments if not shape.is_implicit(a) and not _is_driver(a)]
    given = [a for a in given if a.is_required] + [a for a in given if not a.is_required]
    return tuple(parameter(api, op, a, target(a)) for a in given)


def parameter(api: Api, op: Operation, argument: Argument, target: str) -> Parameter:
    name = shape.argument_name(op, argument, api)
    hint = convert.argument_hint(argument, api, callback_hint(api, op))
    line = convert.argument_line(argument, name, target, api)
    taken = target if argument.passing == "take" else ""
    return Parameter(name, convert.signature_default(argument), hint, line, taken)


def callback_hint(api: Api, op: Operation) -> str:
    registry = next((r for r in api.registries if r.name == op.registry), None)
    if registry is None:
        return "Callable[..., object]"
    arguments = ", ".join(_CALL_ARGUMENT_HINTS[a] for a in registry.call_arguments)
    answer = _ANSWER_HINTS[registry.answer]
    if registry.accepts_async:
        answer = f"{answer} | Awaitable[{answer}]"
    return f"Callable[[{arguments}], {answer}]"


_CALL_ARGUMENT_HINTS = {"name": "str", "request": "Any", "event": "ScopeEvent | MarkEvent"}
_ANSWER_HINTS = {"reason": "str | None", "nothing": "object"}


def self_parameter(op: Operation) -> Parameter:
    name = shape.self_name(op)
    of_class = shape.handle_class(op.on.name)
    line = convert.handle_lines(name, "c_self", of_class)
    return Parameter(name, None, of_class, line, "")


def documentation(api: Api, op: Operation) -> list[str]:
    """What it does, units, errors (style rule 7); ownership is the binding's affair."""
    paragraphs = [op.doc]
    errors = [
        shape.error_class(name)
        for name in sorted(op.errors, key=lambda name: api.error(name).value)
        if name not in ("no_memory", "internal")
    ]
    if errors:
        paragraphs.append(ERROR_DOC.format(", ".join(errors)))
    return paragraphs


def c_call(op: Operation, arguments: list[str]) -> str:
    """On one line where it fits, else the arguments on lines of their own."""
    name = cabi.function_name(op)
    call = f"{name}({', '.join(arguments)})"
    if len(call) <= CALL_WIDTH:
        return call
    return f"{name}(\n        " + "\n        ".join(fill([*arguments, ""], 84)).rstrip() + "\n    )"


def _is_driver(argument: Argument) -> bool:
    """Whether the hand-written driver gives it as a C value."""
    if argument.type.kind == "flags" and argument.type.name in shape.DRIVER_FLAGS:
        return argument.type.name != "callable_flag"
    return shape.is_implicit(argument) and argument.type.kind in ("handle", "emitter")


def _takes_host(op: Operation) -> bool:
    return any(a.type.kind == "host" for a in op.arguments)


def _local(argument: Argument) -> str:
    return f"c_{cabi.member_name(argument)}"


def _declare(kind, name: str) -> str:
    c_type = convert.c_local(kind)
    return f"{c_type}{name}" if c_type.endswith("*") else f"{c_type} {name}"


def _call_arguments(op: Operation, has_options: bool) -> list[str]:
    arguments = []
    if op.on is not None:
        arguments.append("self.pointer" if op.on.name == "runtime" else "c_self")
    if has_options:
        arguments.append("&c_options")
    else:
        arguments += [_local(a) for a in op.arguments]
    if cabi.function(op).is_fallible:
        if op.out is not None:
            arguments.append(f"&c_{op.out.name}")
        arguments.append("&c_error")
    return arguments


def _implicit_lines(op: Operation) -> list[str]:
    """What is known of a callable is found out, not asked for."""
    target = next((a for a in op.arguments if a.type.kind == "callable"), None)
    return [
        f"{_local(a)} = callable_flags({_local(target)})"
        for a in op.arguments
        if a.type.name == "callable_flag" and target is not None
    ]


# --- The vectors' table ---


def table_context(api: Api) -> dict:
    return {
        "enums": [
            (name, shape.enum_class(name), {v.name: v.value for v in api.enum(name).values})
            for name in shape.user_enums(api)
        ],
        "flags": [(f.name, {bit.name: bit.value for bit in f.bits}) for f in api.flags],
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
