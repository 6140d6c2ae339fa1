"""The C ABI of the model: names, types and signatures, for every target that calls C.

A binding's resolve.py takes from here how a thing is spelled in C, and decides itself how it is
used in its language.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Api, Argument, Callback, Constant, Field, HostFunction, Operation, Type
from .names import upper

PREFIX = "scopeflow_"
MACRO = "SCOPEFLOW_"

_PRIMITIVES = {
    "void": "void",
    "bool": "uint32_t",
    "i32": "int32_t",
    "u32": "uint32_t",
    "i64": "int64_t",
    "u64": "uint64_t",
    "f64": "double",
    "size": "size_t",
    "timestamp": "int64_t",
    "pointer": "void *",
    "buffer": "uint8_t *",
    "string": PREFIX + "bytes",
    "bytes": PREFIX + "bytes",
    "uuid": PREFIX + "uuid",
    "status": PREFIX + "status",
    "emitter": PREFIX + "emitter *",
    "host": f"const {PREFIX}host *",
}
_IMPLICIT_UNITS = {"timestamp": "ns", "size": "bytes"}


@dataclass(frozen=True)
class CMember:
    """A struct member or a parameter. `source` is the spec's item, None for what C adds."""

    name: str
    type: str
    source: Argument | Field | None = None
    array: str = ""  # `[248]`

    @property
    def declaration(self) -> str:
        blank = "" if self.type.endswith("*") else " "
        return f"{self.type}{blank}{self.name}{self.array}"


@dataclass(frozen=True)
class CFunction:
    """A public function; `is_fallible` ones return a status and end in `out_error`."""

    name: str
    returns: str
    parameters: tuple[CMember, ...]
    is_fallible: bool
    operation: Operation

    @property
    def prototype(self) -> str:
        blank = "" if self.returns.endswith("*") else " "
        parameters = ", ".join(p.declaration for p in self.parameters) or "void"
        return f"{self.returns}{blank}{self.name}({parameters})"


def c_type(kind: Type) -> str:
    """`enum.token` -> `scopeflow_token`, `handle.scope` -> `scopeflow_scope *`."""
    if kind.is_reference:
        return PREFIX + "ref"
    if kind.kind == "chars":
        return "char"
    if kind.kind in ("handle", "value"):
        return f"{PREFIX}{kind.name} *"
    if kind.name:
        return PREFIX + kind.name
    return _PRIMITIVES[kind.kind]


def member_name(item: Argument | Field) -> str:
    """The name with its unit last: `payload_budget_bytes`, `timestamp_ns`."""
    unit = item.unit or _IMPLICIT_UNITS.get(item.type.kind, "")
    return f"{item.name}_{unit}" if unit else item.name


def member(item: Argument | Field) -> CMember:
    array = f"[{item.type.size}]" if item.type.kind == "chars" else ""
    return CMember(member_name(item), c_type(item.type), item, array)


def constant_name(constant: Constant) -> str:
    unit = f"_{constant.unit}" if constant.unit else ""
    return MACRO + upper(constant.name + unit)


def value_name(kind: str, name: str) -> str:
    """A member of an enum, a bit, or a status: `SCOPEFLOW_TOKEN_NULL`."""
    return MACRO + upper(f"{kind}_{name}")


def function_name(operation: Operation) -> str:
    return PREFIX + operation.id


def options_name(operation: Operation) -> str:
    return function_name(operation) + "_options"


def has_options(operation: Operation) -> bool:
    """Whether the arguments travel in an options struct."""
    return operation.kind in ("constructor", "task")


def options_members(operation: Operation) -> tuple[CMember, ...]:
    """The members of the options struct, its own size first."""
    size = CMember("struct_size_bytes", "uint32_t")
    given = (a for a in operation.arguments if a.type.kind != "host")
    return (size, *(member(a) for a in given))


# The data members of the host table; its functions follow them, and each is given the context.
HOST_MEMBERS = (CMember("struct_size_bytes", "uint32_t"), CMember("context", "void *"))


def host_function_declaration(f: HostFunction) -> str:
    """`void (*release)(void *context, scopeflow_ref ref)`."""
    returns = c_type(f.returns)
    blank = "" if returns.endswith("*") else " "
    parameters = ", ".join(m.declaration for m in (HOST_MEMBERS[1], *map(member, f.arguments)))
    return f"{returns}{blank}(*{f.name})({parameters})"


def callback_declaration(callback: Callback) -> str:
    """`void (*scopeflow_native_destroy)(void *user_data)`."""
    parameters = ", ".join(member(a).declaration for a in callback.arguments)
    return f"void (*{PREFIX}{callback.name})({parameters})"


# The function table: its size, then a pointer to each function.
TABLE = PREFIX + "functions"


def table_functions(api: Api) -> list[CFunction]:
    """The functions of the table in its own order."""
    by_id = {operation.id: operation for operation in api.operations}
    return [function(by_id[name]) for name in (api.table.functions if api.table else ())]


def pointer_declaration(c: CFunction) -> str:
    """`void (*event_seal)(scopeflow_event *self)`, named as the operation."""
    blank = "" if c.returns.endswith("*") else " "
    parameters = ", ".join(p.declaration for p in c.parameters)
    return f"{c.returns}{blank}(*{c.operation.id})({parameters})"


def function(operation: Operation) -> CFunction:
    """The C function of an operation."""
    returns, parameters = _SHAPES[operation.kind](operation)
    fallible = returns == PREFIX + "status"
    if fallible:
        parameters = (*parameters, CMember("out_error", f"{PREFIX}error *"))
    return CFunction(function_name(operation), returns, tuple(parameters), fallible, operation)


def functions(api: Api) -> list[CFunction]:
    return [function(operation) for operation in api.operations]


def _self(operation: Operation) -> tuple[CMember, ...]:
    if operation.on is None:
        return ()
    name = operation.on.name if operation.on.kind == "value" else "self"
    return (CMember(name, c_type(operation.on)),)


def _const_self(operation: Operation) -> tuple[CMember, ...]:
    return tuple(CMember(p.name, "const " + p.type) for p in _self(operation))


def _out(operation: Operation) -> tuple[CMember, ...]:
    if operation.out is None:
        return ()
    kind = c_type(operation.out.type)
    return (CMember(f"out_{operation.out.name}", kind + ("*" if kind.endswith("*") else " *")),)


def _options(operation: Operation) -> CMember:
    return CMember("options", f"const {options_name(operation)} *")


def _in(argument: Argument) -> CMember:
    """A parameter: a struct goes in by pointer."""
    plain = member(argument)
    if argument.type.kind != "struct":
        return plain
    return CMember(plain.name, f"const {plain.type} *", argument)


def _task(operation: Operation):
    task = CMember("task", f"{PREFIX}task *")
    step = CMember("out_step", f"{PREFIX}step *")
    return PREFIX + "status", (*_self(operation), _options(operation), task, step)


def _constructor(operation: Operation):
    host = tuple(member(a) for a in operation.arguments if a.type.kind == "host")
    return PREFIX + "status", (*host, _options(operation), *_out(operation))


def _call(operation: Operation):
    given = tuple(_in(a) for a in operation.arguments)
    return PREFIX + "status", (*_self(operation), *given, *_out(operation))


def _accessor(operation: Operation):
    return c_type(operation.out.type), _const_self(operation)


def _retain(operation: Operation):
    return c_type(operation.on), _self(operation)


def _plain(operation: Operation):
    return "void", (*_self(operation), *(_in(a) for a in operation.arguments))


_SHAPES = {
    "task": _task,
    "constructor": _constructor,
    "call": _call,
    "resume": _call,
    "accessor": _accessor,
    "retain": _retain,
    "release": _plain,
    "destructor": _plain,
    "abandon": _plain,
    "tape": _plain,
}


def default_value(argument: Argument, api: Api) -> str:
    """What an options struct holds when the caller does not say: a C expression."""
    kind = argument.type.kind
    if argument.default is not None:
        if kind == "enum":
            return value_name(argument.type.name, str(argument.default))
        return f"{int(argument.default)}u" if kind in ("u32", "flags") else str(argument.default)
    if kind == "timestamp":
        return MACRO + "TIMESTAMP_NONE"
    return nothing(argument.type)


def nothing(kind: Type) -> str:
    """The value of a type that says nothing: null, absent, or 0."""
    if kind.kind in ("string", "bytes"):
        return "{NULL, 0}"
    is_pointer = kind.kind == "callback" or c_type(kind).endswith("*")
    return "NULL" if is_pointer else "0"
