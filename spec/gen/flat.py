"""The flat interface: each operation as a function of numbers and texts only.

The Node addon and the WebAssembly bridge both implement it, so that the TypeScript above cannot
tell them apart. What comes out of an operation, other than its status, is put into slots: a row of
doubles that C and JavaScript share. What begins and resumes tasks takes its numbers by the slots as
well: it is called most, and to cross Node-API takes as long for each number as a small operation.
This file knows the spec, C and TypeScript's types; it is the only one that says how a type crosses.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import cabi
from .model import Api, Argument, Field, Operation, Struct, Type
from .names import camel, pascal

TASK = "task_"
OPTIONS = "options_"
OUT = "out_"

# How a kind of type crosses: pointer and the numbers as they are, text as address and length.
_WAYS = {
    "bool": "u32", "i32": "i32", "u32": "u32", "i64": "i64", "u64": "u64", "f64": "f64",
    "size": "size", "string": "text", "bytes": "bytes", "uuid": "uuid", "timestamp": "timestamp",
    "enum": "i32", "flags": "u32", "status": "i32", "handle": "pointer", "value": "pointer",
    "ref": "ref", "payload": "ref", "callable": "ref", "error": "ref", "chars": "chars",
}  # fmt: skip

_TS = {
    "u32": "number", "i32": "number", "i64": "bigint", "u64": "bigint", "f64": "number",
    "size": "number", "text": "string", "bytes": "Uint8Array", "timestamp": "bigint | undefined",
    "pointer": "number", "ref": "number", "chars": "string",
}  # fmt: skip

ROWS = ("text", "bytes")  # These cross as an address and a size.
_BY_SLOTS = ("task", "resume")

_C_STRUCTS = ("scopeflow_bytes", "scopeflow_uuid")
_SLOT_COUNTS = {"i64": 2, "timestamp": 2, "text": 2, "bytes": 2, "uuid": 4}


def way(kind: Type) -> str:
    """How values of a type cross: `pointer`, `ref`, `text`, `u32` and so on."""
    return _WAYS[kind.kind]


@dataclass(frozen=True)
class Parameter:
    """`place` is what takes it in C: a member of the options or a variable of its own."""

    name: str
    c_name: str
    way: str
    ts: str
    place: str
    declares: str  # the C type when `place` is a variable that is declared, else empty
    doc: str
    source: Argument | Field | None


@dataclass(frozen=True)
class Function:
    """An operation in the flat interface.

    `returns` is `status`, `void` or the way in which an accessor's result crosses.
    `arguments` are the C expressions of its call, without the place for the error.
    """

    id: str
    name: str
    operation: Operation
    parameters: tuple[Parameter, ...]
    returns: str
    c_name: str
    arguments: tuple[str, ...]
    prepare: tuple[str, ...]  # C lines before the parameters are read; `{emitter}` is filled in
    host: bool  # it is given the host's function table
    out_type: str  # C type of what comes out into slots, or empty
    put: str  # C expression that puts it there, with `{slots}`

    @property
    def is_hosted(self) -> bool:
        return self.operation.availability == "hosted"

    @property
    def is_by_slots(self) -> bool:
        """Whether its numbers stand in slots when it is called."""
        return self.operation.kind in _BY_SLOTS

    @property
    def passed(self) -> tuple[Parameter, ...]:
        """The parameters that are arguments of the call."""
        return tuple(p for p in self.parameters if not self.is_by_slots or p.way in ROWS)

    @property
    def slotted(self) -> list[tuple[Parameter, int]]:
        """The parameters that stand in slots, and where the first slot of each is."""
        found, index = [], 0
        for parameter in self.parameters:
            if parameter not in self.passed:
                found.append((parameter, index))
                index += _SLOT_COUNTS.get(parameter.way, 1)
        return found

    @property
    def ts_returns(self) -> str:
        if self.is_by_slots:
            return "EncodedLine | number"
        return "void" if self.returns == "void" else "number"


def functions(api: Api) -> list[Function]:
    return [function(api, operation) for operation in api.operations]


def function(api: Api, operation: Operation) -> Function:
    c = cabi.function(operation)
    returns = "status" if c.is_fallible else "void"
    if operation.kind == "accessor":
        returns = way(operation.out.type)
    out_type, put = _out(operation)
    return Function(
        id=operation.id,
        name=camel(operation.id),
        operation=operation,
        parameters=tuple(_parameters(api, operation)),
        returns=returns,
        c_name=c.name,
        arguments=tuple(_expression(p) for p in c.parameters if p.name != "out_error"),
        prepare=tuple(_prepare(api, operation)),
        host=any(a.type.kind == "host" for a in operation.arguments),
        out_type=out_type,
        put=put,
    )


def _parameters(api: Api, operation: Operation):
    if operation.on is not None:
        name = operation.on.name if operation.on.kind == "value" else "self"
        place = TASK if name == "task" else name
        yield Parameter(
            name, place, "pointer", "number", place, cabi.c_type(operation.on), "", None
        )
    for argument in operation.arguments:
        if argument.type.kind == "struct":
            for field in api.struct(argument.type.name).fields:
                if field.type.kind != "emitter":
                    yield _parameter(field, f"{argument.name}.{cabi.member_name(field)}", "")
        elif argument.type.kind not in ("host", "emitter"):
            if cabi.has_options(operation):
                yield _parameter(argument, f"{OPTIONS}.{cabi.member_name(argument)}", "")
            else:
                place = cabi.member_name(argument)
                yield _parameter(argument, place, cabi.c_type(argument.type))
    if operation.kind == "task":
        yield Parameter(
            "task", TASK, "pointer", "number", TASK, "scopeflow_task *", "Address of a task.", None
        )


def _parameter(item: Argument | Field, place: str, declares: str) -> Parameter:
    crossing = way(item.type)
    optional = getattr(item, "optional", False) and crossing == "text"
    return Parameter(
        name=camel(cabi.member_name(item)),
        c_name=cabi.member_name(item),
        way=crossing,
        ts="string | undefined" if optional else _TS[crossing],
        place=place,
        declares=declares,
        doc=item.doc,
        source=item,
    )


def _prepare(api: Api, operation: Operation):
    """Declares the structs that the parameters are read into, with the emitter in them."""
    if cabi.has_options(operation):
        macro = f"{cabi.options_name(operation).upper()}_INIT"
        yield f"{cabi.options_name(operation)} {OPTIONS} = {macro};"
        for argument in operation.arguments:
            if argument.type.kind == "emitter":
                yield f"{OPTIONS}.{argument.name} = {{emitter}};"
    for argument in operation.arguments:
        if argument.type.kind == "struct":
            yield f"{cabi.c_type(argument.type)} {argument.name} = {{{{0}}}};"
            for field in api.struct(argument.type.name).fields:
                if field.type.kind == "emitter":
                    yield f"{argument.name}.{field.name} = {{emitter}};"


def _expression(parameter: cabi.CMember) -> str:
    """What stands at a parameter's place in the call of the C function."""
    if parameter.source is not None:
        if parameter.source.type.kind == "host":
            return "&host_"
        if parameter.source.type.kind == "struct":
            return f"&{parameter.name}"
        return parameter.name
    if parameter.name == "options":
        return f"&{OPTIONS}"
    if parameter.name.startswith("out_"):
        return f"&{OUT}"
    return TASK if parameter.name == "task" and parameter.type == "scopeflow_task *" else "self"


def _out(operation: Operation) -> tuple[str, str]:
    if operation.kind == "task":
        return "scopeflow_step", put_function("step")
    if operation.kind == "accessor" or operation.out is None:
        return "", ""
    kind = operation.out.type
    if kind.kind == "struct":
        return cabi.c_type(kind), put_function(kind.name)
    return cabi.c_type(kind), put_line("{slots}", 0, kind, OUT)


def out_declaration(f: Function) -> str:
    """Declares what comes out; of a step only what its kind has is looked at."""
    if f.is_by_slots:
        return f"{f.out_type} {OUT};"
    if f.out_type.endswith("*"):
        return f"{f.out_type}{OUT} = NULL;"
    is_struct = f.out_type in _C_STRUCTS or f"&{OUT}" in f.put
    return f"{f.out_type} {OUT} = {'{0}' if is_struct else '0'};"


def discarded(f: Function) -> str:
    """What stands before the call of a function whose result is not wanted."""
    return "(void)" if f.operation.kind == "retain" else ""


def put_function(struct: str) -> str:
    return f"slots_put_{struct}({{slots}}, &{OUT})"


def put_line(slots: str, index: int, kind: Type, value: str) -> str:
    """A C expression that puts a value into slots from an index on."""
    at = f"{slots} + {index}" if index else slots
    crossing = way(kind)
    if crossing in ("i64", "timestamp"):
        return f"slots_put_i64({at}, {value})"
    if crossing in ("text", "bytes"):
        return f"slots_put_text({at}, {value})"
    if crossing == "uuid":
        return f"slots_put_uuid({at}, &{value})"
    if crossing == "chars":
        return f"slots_put_chars({at}, {value}, sizeof {value})"
    if crossing == "pointer":
        return f"{slots}[{index}] = (double)(uintptr_t){value}"
    return f"{slots}[{index}] = (double){value}"


_TAKEN = {
    "pointer": "(void *)(uintptr_t)", "ref": "(scopeflow_ref)", "size": "(size_t)",
    "i32": "(int32_t)", "u32": "(uint32_t)", "f64": "",
}  # fmt: skip


def take_line(slots: str, index: int, crossing: str) -> str:
    """A C expression of what was put into slots at an index."""
    if crossing in ("i64", "timestamp"):
        return f"slots_take_{crossing}({slots} + {index})"
    return f"{_TAKEN[crossing]}{slots}[{index}]"


def ts_put(name: str, index: int, crossing: str) -> str:
    """A statement in TypeScript that puts a value into slots at an index."""
    if crossing in ("i64", "timestamp"):
        return f"put{crossing.capitalize()}(slots, {index}, {name});"
    return f"slots[{index}] = {name};"


def slot_count(kind: Type) -> int:
    if kind.kind == "chars":
        return -(-kind.size // 8)
    return _SLOT_COUNTS.get(way(kind), 1)


def slot_structs(api: Api) -> list[Struct]:
    """The structs that come out of operations, the step first."""
    named = {"step"} if any(s.name == "step" for s in api.structs) else set()
    for operation in api.operations:
        if operation.out is not None and operation.out.type.kind == "struct":
            named.add(operation.out.type.name)
    return [struct for struct in api.structs if struct.name in named]


def slot_indexes(struct: Struct) -> list[tuple[Field, int]]:
    """The fields and where the first slot of each is."""
    found, index = [], 0
    for field in struct.fields:
        found.append((field, index))
        index += slot_count(field.type)
    return found


def struct_slot_count(struct: Struct) -> int:
    return sum(slot_count(field.type) for field in struct.fields)


def all_slot_count(api: Api) -> int:
    going_out = [struct_slot_count(struct) for struct in slot_structs(api)]
    going_in = [index for f in functions(api) for _, index in f.slotted]
    return max(*going_out, *(index + max(_SLOT_COUNTS.values()) for index in going_in))


def ts_type(kind: Type) -> str:
    """The TypeScript type of what crosses."""
    return _TS[way(kind)]


def ts_value_type(kind: Type) -> str:
    """The TypeScript type of a value of the spec's type, as the idiomatic layer has it."""
    if kind.kind == "bool":
        return "boolean"
    if kind.kind == "enum":
        return pascal(kind.name)
    if kind.kind == "uuid":
        return "string"
    if kind.kind == "u64":
        return "number"
    return _TS[way(kind)]


def ts_read(kind: Type, index: int) -> str:
    """A TypeScript expression that reads a value of the spec's type from slots."""
    crossing = way(kind)
    if crossing in ("i64", "timestamp"):
        return f"readI64(slots, {index})"
    if crossing in ("text", "bytes"):
        return f"core.text(slots[{index}]!, slots[{index + 1}]!)"
    if crossing == "uuid":
        return f"readUuid(slots, {index})"
    if crossing == "chars":
        return f"readChars(slots, {index}, {kind.size})"
    return f"slots[{index}]! !== 0" if kind.kind == "bool" else f"slots[{index}]!"
