"""Node: the TypeScript that stands on the flat interface, the addon, and the tests' dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, prose
from spec.gen.model import Api, Argument, Constant, Operation, Registry, Struct, Value
from spec.gen.names import camel, pascal
from spec.gen.render import Output

from . import addon, flat

# The idiomatic functions of tasks, which are written by hand, under the peer's names. All take the
# required arguments by position and the others in one object.
_TASK_FUNCTIONS = {
    "scope_push": "pushScope",
    "scope_pop": "pop",
    "scope_event": "event",
    "tool_execute": "toolCallExecute",
    "runtime_flush": "flush",
}
_CALLABLE_ARGUMENTS = {"name": "string", "request": "any", "event": "Event"}
_ANSWERS = {"reason": "string | null | undefined | void", "nothing": "void"}
_EVENT_TYPES = {
    "kind": '"scope" | "mark"',
    "atof_version": "string",
    "parent_uuid": "string | null",
    "uuid": "string",
    "timestamp": "string",
    "name": "string",
    "scope_category": '"start" | "end" | undefined',
    "attributes": "string[] | undefined",
    "category": "string | null",
    "category_profile": "Record<string, unknown> | null",
    "metadata": "Record<string, unknown> | null",
}


@dataclass(frozen=True)
class Member:
    doc: str
    name: str
    value: str


@dataclass(frozen=True)
class Group:
    """An enum or a set of flags."""

    doc: str
    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class CoreFunction:
    doc: tuple[str, ...]
    signature: str


@dataclass(frozen=True)
class StructReader:
    doc: str
    name: str
    constants: tuple[tuple[str, int], ...]
    fields: tuple[Member, ...]  # doc, name, type
    reads: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Method:
    """A method of a generated class, or a function beside it."""

    doc: tuple[str, ...]
    name: str
    parameters: str
    returns: str
    body: tuple[str, ...]
    passed: str = ""  # the names of the parameters


@dataclass(frozen=True)
class HandleClass:
    doc: str
    name: str
    methods: tuple[Method, ...]


@dataclass(frozen=True)
class Constructor:
    doc: str
    name: str
    is_hosted: bool
    type: str
    fields: tuple[Member, ...]
    defaults: tuple[tuple[str, str], ...]
    checks: tuple[str, ...]
    passed: str


@dataclass(frozen=True)
class CallableType:
    doc: str
    value: int
    name: str
    title: str
    type: str
    answer: str
    accepts_async: str
    given: str


def outputs(api: Api) -> list[Output]:
    source = "node/src"
    classes = [handle_class(api, handle.name, handle.doc) for handle in api.handles]
    return [
        Output(f"{source}/enums.gen.ts", "enums.gen.ts.j2", enums_context(api)),
        Output(f"{source}/errors.gen.ts", "errors.gen.ts.j2", {"errors": errors(api)}),
        Output(f"{source}/core.gen.ts", "core.gen.ts.j2", core_context(api)),
        Output(
            f"{source}/operations.gen.ts",
            "operations.gen.ts.j2",
            {
                "classes": classes,
                "constructors": constructors(api),
                "begins": [begin(api, op) for op in api.operations if op.kind == "task"],
                "scoped": scoped_methods(api),
                "callables": [pascal(r.name) for r in api.registries],
                "checks": used_checks(api),
                "enums": used_enums(api),
                "structs": used_structs(api),
            },
        ),
        Output(f"{source}/callables.gen.ts", "callables.gen.ts.j2", {"callables": callables(api)}),
        Output(f"{source}/functions.gen.ts", "functions.gen.ts.j2", functions_context(api)),
        Output(f"{source}/event.gen.ts", "event.gen.ts.j2", {"keys": event_keys(api)}),
        Output("node/native/slots.gen.h", "slots.gen.h.j2", addon.slots_context(api)),
        Output("node/native/addon.gen.c", "addon.gen.c.j2", addon.addon_context(api)),
        Output("node/test/dispatch.gen.mjs", "dispatch.gen.mjs.j2", dispatch_context(api)),
    ]


# --- Enums, flags, constants, errors ---


def enums_context(api: Api) -> dict:
    return {
        "abi_hash": f"{api.abi_hash:016x}",
        "version": api.version,
        "constants": [constant(c) for c in api.constants],
        "enums": [Group(e.doc, pascal(e.name), _members(e.values)) for e in api.enums],
        "flags": [Group(f.doc, flags_name(f.name), _members(f.bits)) for f in api.flags],
    }


def flags_name(name: str) -> str:
    """`scope_attribute` -> `ScopeAttributes`, as the peer calls them."""
    return pascal(name) + "s"


def constant(item: Constant) -> Member:
    big = "n" if item.type.kind in ("i64", "u64") else ""
    name = f"{item.name}_{item.unit}" if item.unit else item.name
    return Member(item.doc, name.upper(), f"{item.value}{big}")


def _members(values: tuple[Value, ...]) -> tuple[Member, ...]:
    return tuple(Member(v.doc, pascal(v.name), str(v.value)) for v in values)


def errors(api: Api) -> list[dict]:
    return [
        {"doc": e.doc, "name": e.name, "class": pascal(e.name), "value": e.value}
        for e in api.errors
    ]


# --- The flat interface ---


def core_context(api: Api) -> dict:
    return {
        "slot_count": flat.all_slot_count(api),
        "structs": [struct_reader(struct) for struct in flat.slot_structs(api)],
        "functions": [core_function(f) for f in flat.functions(api)],
        "enums": sorted(
            {
                pascal(field.type.name)
                for struct in flat.slot_structs(api)
                for field in struct.fields
                if field.type.kind == "enum"
            }
        ),
    }


def core_function(f: flat.Function) -> CoreFunction:
    parameters = ", ".join(f"{p.name}: {p.ts}" for p in f.parameters)
    doc = (f.operation.doc, "Absent where the core has no operating system.") if f.is_hosted else (
        f.operation.doc,
    )
    return CoreFunction(doc, f"{f.name}{'?' if f.is_hosted else ''}({parameters}): {f.ts_returns}")


def struct_reader(struct: Struct) -> StructReader:
    indexes = flat.slot_indexes(struct)
    return StructReader(
        doc=struct.doc,
        name=pascal(struct.name),
        constants=tuple((f"{struct.name}_{f.name}".upper(), index) for f, index in indexes),
        fields=tuple(
            Member(f.doc, camel(cabi.member_name(f)), flat.ts_value_type(f.type)) for f, _ in indexes
        ),
        reads=tuple((camel(cabi.member_name(f)), flat.ts_read(f.type, i)) for f, i in indexes),
    )


# --- Operations ---


def handle_class(api: Api, handle: str, doc: str) -> HandleClass:
    methods = [
        method(api, flat.function(api, operation))
        for operation in api.operations
        if operation.on is not None
        and operation.on.kind == "handle"
        and operation.on.name == handle
        and operation.kind in ("call", "accessor")
    ]
    return HandleClass(doc, f"{pascal(handle)}Operations", tuple(methods))


def method_name(operation: Operation) -> str:
    """`runtime_read_stats` on a runtime -> `readStats`; what gives a number for something that is
    wrapped by hand says so in its name."""
    prefix = f"{operation.on.name}_" if operation.on is not None else ""
    name = camel(operation.id.removeprefix(prefix))
    given = operation.out.type if operation.out is not None else None
    if given is not None and (given.kind == "handle" or given.is_reference):
        return f"{name}Address" if given.kind == "handle" else f"{name}Ref"
    return name


def method(api: Api, f: flat.Function) -> Method:
    operation = f.operation
    given = [a for a in operation.arguments if not _is_callable_flags(operation, a)]
    checks = [line for a in given for line in check_lines(a)]
    call = ", ".join(["this.address", *(_passed(operation, a) for a in operation.arguments)])
    call = f"this.engine.core.{f.name}{'!' if f.is_hosted else ''}({call})"
    returns, body = _result(api, operation, call)
    return Method(
        doc=_doc(operation, api),
        name=method_name(operation),
        parameters=", ".join(f"{ts_name(a)}: {ts_type(api, operation, a)}" for a in given),
        returns=returns,
        body=(*checks, *body),
        passed=", ".join(ts_name(a) for a in given),
    )


def _is_callable_flags(operation: Operation, argument: Argument) -> bool:
    """The flags that say what is known about a callable are found out, not given."""
    return operation.action == "register" and argument.type.kind == "flags"


def _passed(operation: Operation, argument: Argument) -> str:
    if operation.action == "register" and argument.type.kind in ("callable", "flags"):
        return "ref" if argument.type.kind == "callable" else "flags"
    name = ts_name(argument)
    return f"{name}.address" if argument.type.kind == "handle" else name


def _result(api: Api, operation: Operation, call: str) -> tuple[str, tuple[str, ...]]:
    """The type that a method returns, and the lines that call the core and return it."""
    if operation.action == "register":
        registry = next(r for r in api.registries if r.name == operation.registry)
        callable_name = next(ts_name(a) for a in operation.arguments if a.type.kind == "callable")
        return "void", (
            f"this.engine.register({callable_name}, {registry.value}, (ref, flags) =>",
            f"  {call},",
            ");",
        )
    if operation.kind == "accessor":
        is_bool = operation.out.type.kind == "bool"
        return flat.ts_value_type(operation.out.type), (
            f"return {call}{' !== 0' if is_bool else ''};",
        )
    checked = f"this.engine.check({call});"
    if operation.out is None:
        return "void", (checked,)
    kind = operation.out.type
    if kind.kind == "struct":
        return pascal(kind.name), (checked, f"return read{pascal(kind.name)}(this.engine.core);")
    read = flat.ts_read(kind, 0)
    return flat.ts_value_type(kind), (
        checked,
        "const { core } = this.engine;",
        "const { slots } = core;",
        f"return {read};",
    )


def ts_name(argument: Argument) -> str:
    return camel(cabi.member_name(argument))


def ts_type(api: Api, operation: Operation, argument: Argument) -> str:
    kind = argument.type.kind
    if kind == "callable" and operation.registry:
        return pascal(operation.registry)
    if kind == "handle":
        return f"{pascal(argument.type.name)}Operations"
    if kind == "enum":
        return pascal(argument.type.name)
    return flat._TS[flat.way(argument.type)]


_CHECKS = {
    "string": "checkText", "enum": "checkInteger", "i32": "checkInteger", "u32": "checkUnsigned",
    "flags": "checkUnsigned", "bool": "checkUnsigned", "f64": "checkNumber", "i64": "checkBigInt",
    "u64": "checkBigInt",
}  # fmt: skip


def check_lines(argument: Argument) -> list[str]:
    """What must hold for a value to cross as it is; the core checks ranges itself."""
    check = _CHECKS.get(argument.type.kind)
    if check is None:
        return []
    name = ts_name(argument)
    line = f'{check}({name}, "{argument.name}");'
    return [f"if ({name} !== undefined) {line}" if argument.optional else line]


def used_checks(api: Api) -> list[str]:
    kinds = {a.type.kind for op in api.operations if op.kind not in ("tape",) for a in op.arguments}
    return sorted({_CHECKS[kind] for kind in kinds if kind in _CHECKS})


def used_enums(api: Api) -> list[str]:
    """The enums that arguments and results are of, except those of registries' flags."""
    types = [a.type for op in api.operations if op.kind != "tape" for a in op.arguments]
    types += [op.out.type for op in api.operations if op.out is not None]
    return sorted({pascal(kind.name) for kind in types if kind.kind == "enum"})


def used_structs(api: Api) -> list[str]:
    kinds = ("call", "accessor")
    outs = [op.out.type for op in api.operations if op.kind in kinds and op.out is not None]
    return sorted({pascal(kind.name) for kind in outs if kind.kind == "struct"})


def constructors(api: Api) -> list[Constructor]:
    return [constructor(api, op) for op in api.operations if op.kind == "constructor"]


def constructor(api: Api, operation: Operation) -> Constructor:
    f = flat.function(api, operation)
    given = [a for a in operation.arguments if a.type.kind != "host"]
    fields = (
        Member(
            _with_limits(a), ts_name(a) + ("" if a.is_required else "?"), ts_type(api, operation, a)
        )
        for a in given
    )
    return Constructor(
        doc=operation.doc,
        name=f.name,
        is_hosted=f.is_hosted,
        type=f"{pascal(operation.id)}Options",
        fields=tuple(fields),
        defaults=tuple((ts_name(a), _default(a)) for a in given),
        checks=tuple(line for a in given for line in check_lines(a)),
        passed=", ".join(ts_name(a) for a in given),
    )


def _default(argument: Argument) -> str:
    if argument.default is None:
        return ""
    if argument.type.kind == "enum":
        return f" = {pascal(argument.type.name)}.{pascal(str(argument.default))}"
    big = "n" if argument.type.kind in ("i64", "u64") else ""
    return f" = {int(argument.default)}{big}"


def _with_limits(argument: Argument) -> str:
    limits = prose.limits(argument)
    return argument.doc + (f" ({limits})" if limits else "")


def begin(api: Api, operation: Operation) -> Method:
    """The function that begins a task: it checks, calls the core and throws what came of it."""
    f = flat.function(api, operation)
    checks = [line for a in operation.arguments for line in check_lines(a)]
    parameters = [f"{p.name}: {_begin_type(api, operation, p)}" for p in f.parameters]
    passed = ", ".join(p.name for p in f.parameters)
    return Method(
        doc=_doc(operation, api),
        name=f.name,
        parameters=", ".join(parameters),
        returns="void",
        body=(*checks, f"engine.check(engine.core.{f.name}({passed}));"),
    )


def _begin_type(api: Api, operation: Operation, parameter: flat.Parameter) -> str:
    if parameter.source is not None and parameter.source.type.kind == "enum":
        return pascal(parameter.source.type.name)
    return parameter.ts


def _doc(operation: Operation, api: Api) -> tuple[str, ...]:
    found = [operation.doc]
    found += [f"@param {ts_name(a)} {_with_limits(a)}" for a in _documented(operation)]
    if operation.errors:
        found.append(f"@throws {', '.join(prose.errors(operation, api))}.")
    return tuple(found)


def _documented(operation: Operation) -> list[Argument]:
    hidden = ("emitter", "host")
    return [
        a
        for a in operation.arguments
        if a.type.kind not in hidden and not _is_callable_flags(operation, a)
    ]


def scoped_methods(api: Api) -> list[Method]:
    """Registering on a scope, as a method of the runtime: the peer's form."""
    found = []
    for operation in _registry_operations(api, "scope"):
        m = method(api, flat.function(api, operation))
        given = f"scope: ScopeReference, {m.parameters}"
        body = f"{'return ' if m.returns != 'void' else ''}this.scopeOf(scope).{m.name}({m.passed});"
        doc = (m.doc[0], "@param scope The scope's handle, or the uuid of one that is held.", *m.doc[1:])
        found.append(
            Method(doc, camel(operation.id), given, m.returns, (body,), f"scope, {m.passed}")
        )
    return found


def _registry_operations(api: Api, handle: str) -> list[Operation]:
    return [op for op in api.operations if op.registry and op.on.name == handle]


def functions_context(api: Api) -> dict:
    """The module-level functions: what a runtime has, on the default one."""
    calls = [
        method(api, flat.function(api, op))
        for op in api.operations
        if op.on is not None
        and (op.on.kind, op.on.name) == ("handle", "runtime")
        and op.kind in ("call", "accessor")
        and not (op.out is not None and op.out.type.kind == "handle")
    ]
    methods = [*calls, *scoped_methods(api)]
    return {
        "methods": [
            Method(m.doc, m.name, m.parameters, m.returns,
                   (f"{'return ' if m.returns != 'void' else ''}"
                    f"defaultRuntime().{m.name}({m.passed});",))
            for m in methods
        ],
        "callables": [pascal(r.name) for r in api.registries],
        "structs": sorted({m.returns for m in methods} - {"void", "boolean", "string", "number"}),
    }  # fmt: skip


# --- Callables ---


def callables(api: Api) -> list[CallableType]:
    return [callable_type(registry) for registry in api.registries]


def callable_type(registry: Registry) -> CallableType:
    arguments = [(camel(a), _CALLABLE_ARGUMENTS.get(a, "any")) for a in registry.call_arguments]
    if registry.answer != "nothing":
        arguments.append(("context", "CallbackContext"))
    answer = _ANSWERS.get(registry.answer, "unknown")
    returns = f"{answer} | Promise<{answer}>" if registry.accepts_async else answer
    parameters = ", ".join(f"{name}: {kind}" for name, kind in arguments)
    return CallableType(
        doc=registry.doc,
        value=registry.value,
        name=pascal(registry.name),
        title=registry.title,
        type=f"({parameters}) => {returns}",
        answer=registry.answer,
        accepts_async=str(registry.accepts_async).lower(),
        given=", ".join(f"given.{name}!" for name, _ in arguments),
    )


# --- Events ---


def event_keys(api: Api) -> list[Member]:
    keys = dict.fromkeys([*api.wire.common, *api.wire.scope, *api.wire.mark]) if api.wire else {}
    return [Member("", key, _EVENT_TYPES.get(key, "unknown")) for key in keys]


# --- The tests' dispatch ---


def dispatch_context(api: Api) -> dict:
    kinds = ("task", "call", "accessor")
    usable = [
        op
        for op in api.operations
        if op.kind in kinds and op.on is not None and op.on.name in ("runtime", "scope")
    ]
    return {
        "operations": [dispatch_entry(op) for op in usable],
        "enums": [(e.name, pascal(e.name)) for e in api.enums],
        "flags": [(f.name, flags_name(f.name)) for f in api.flags],
    }


def dispatch_entry(operation: Operation) -> dict:
    given = [a for a in operation.arguments if a.type.kind != "emitter" and a.name != "current"]
    required = [a for a in given if a.is_required and not _is_callable_flags(operation, a)]
    positional = [f"given.{ts_name(a)}" for a in required]
    name = method_name(operation)
    if operation.kind == "task":
        name = _TASK_FUNCTIONS.get(operation.id, name)
        if operation.result == "call":
            positional.append("given.target")
        positional.append("given")
    return {
        "id": operation.id,
        "types": [(a.name, ts_name(a), a.type.spelling) for a in given],
        "call": f"on.{name}({', '.join(positional)})",
        "result": operation.result or (operation.out.type.spelling if operation.out else ""),
        "on": operation.on.name,
    }
