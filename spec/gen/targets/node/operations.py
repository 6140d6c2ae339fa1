"""The TypeScript of the operations: classes of the handles, constructors, beginnings of tasks."""

from __future__ import annotations

from spec.gen import flat, prose
from spec.gen.model import Api, Argument, Operation
from spec.gen.names import camel, pascal
from spec.gen.typescript import fit

from .shared import Constructor, HandleClass, Member, Method, ts_name


def operations_context(api: Api) -> dict:
    readers = [f"read{name}" for name in used_structs(api)]
    types = [f"type {name}" for name in used_structs(api)]
    return {
        "imports": [
            import_line("callables", "import type", [pascal(r.name) for r in api.registries]),
            import_line("checks", "import", used_checks(api), generated=False),
            import_line("core", "import", [*used_puts(api), *readers, *types]),
            import_line("enums", "import", used_enums(api)),
        ],
        "classes": [handle_class(api, handle.name, handle.doc) for handle in api.handles],
        "constructors": constructors(api),
        "begins": [
            stepping(api, operation)
            for kind in ("task", "resume")
            for operation in api.operations
            if operation.kind == kind
        ],
        "scoped": scoped_methods(api),
    }


def import_line(module: str, how: str, names: list[str], generated: bool = True) -> str:
    file = f"./{module}.gen.js" if generated else f"./{module}.js"
    return fit(f'{how} {{ {", ".join(names)} }} from "{file}";') if names else ""


def handle_class(api: Api, handle: str, doc: str) -> HandleClass:
    methods = [
        method(api, flat.function(api, operation))
        for operation in api.operations
        if operation.on is not None
        and operation.on.kind == "handle"
        and operation.on.name == handle
        and operation.kind in ("call", "accessor")
        and "node" not in operation.by_hand
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
    given = [a for a in operation.arguments if not is_callable_flags(operation, a)]
    checks = [line for a in given for line in check_lines(a)]
    call = ", ".join(["this.address", *(_passed(operation, a) for a in operation.arguments)])
    call = f"this.engine.core.{f.name}{'!' if f.is_hosted else ''}({call})"
    returns, body = _result(api, operation, call)
    parameters = [(ts_name(a), ts_type(api, operation, a)) for a in given]
    if breaks_chain(api, operation):
        parameters.insert(-1, ("breakChain", "boolean"))
    return Method(
        doc=_doc(operation, api),
        name=method_name(operation),
        parameters=", ".join(f"{name}: {kind}" for name, kind in parameters),
        returns=returns,
        body=(*checks, *body),
        passed=", ".join(name for name, _ in parameters),
    )


def breaks_chain(api: Api, operation: Operation) -> bool:
    """Whether it registers a request intercept, which may be the last one to run (S3.5)."""
    answers = {r.name: r.answer for r in api.registries}
    return operation.action == "register" and answers[operation.registry] == "request"


def is_callable_flags(operation: Operation, argument: Argument) -> bool:
    """The flags that say what is known about a callable are found out, not given."""
    return operation.action == "register" and argument.type.kind == "flags"


def _passed(operation: Operation, argument: Argument) -> str:
    if operation.action == "register" and argument.type.kind in ("callable", "flags"):
        return "ref" if argument.type.kind == "callable" else "flags"
    name = ts_name(argument)
    if argument.type.kind != "handle":
        return name
    return f"{name}?.address ?? 0" if argument.optional else f"{name}.address"


def _result(api: Api, operation: Operation, call: str) -> tuple[str, tuple[str, ...]]:
    """The type that a method returns, and the lines that call the core and return it."""
    if operation.action == "register":
        registry = next(r for r in api.registries if r.name == operation.registry)
        callable_name = next(ts_name(a) for a in operation.arguments if a.type.kind == "callable")
        extra = "breakChain, " if breaks_chain(api, operation) else ""
        way = "registerIntercept" if extra else "register"
        return "void", (
            f"this.engine.{way}({callable_name}, {registry.value}, {extra}(ref, flags) =>",
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


def ts_type(api: Api, operation: Operation, argument: Argument) -> str:
    kind = argument.type.kind
    if kind == "string" and argument.optional:
        return f"{flat.ts_type(argument.type)} | undefined"
    if kind == "callable" and operation.registry:
        return pascal(operation.registry)
    if kind == "handle":
        one = f"{pascal(argument.type.name)}Operations"
        return f"{one} | undefined" if argument.optional else one
    if kind == "enum":
        return pascal(argument.type.name)
    return flat.ts_type(argument.type)


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
    line = f'{check}({name}, "{name}");'
    return [f"if ({name} !== undefined) {line}" if argument.optional else line]


def used_checks(api: Api) -> list[str]:
    kinds = {a.type.kind for op in api.operations if op.kind not in ("tape",) for a in op.arguments}
    return sorted({_CHECKS[kind] for kind in kinds if kind in _CHECKS})


def used_enums(api: Api) -> list[str]:
    """The enums that arguments and results are of, except those of registries' flags."""
    types = [a.type for op in api.operations if op.kind != "tape" for a in op.arguments]
    types += [op.out.type for op in api.operations if op.out is not None]
    resumes = [f for f in flat.functions(api) if f.operation.kind == "resume"]
    types += [p.source.type for f in resumes for p in f.parameters if p.source is not None]
    return sorted({pascal(kind.name) for kind in types if kind.kind == "enum"})


def used_structs(api: Api) -> list[str]:
    called = [op for op in api.operations if op.kind in ("call", "accessor")]
    outs = [op.out.type for op in called if op.out is not None and "node" not in op.by_hand]
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
        passed=", ".join(_passed(operation, a) for a in given),
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


def stepping(api: Api, operation: Operation) -> Method:
    """The function that begins a task: it checks, calls the core and throws what came of it. Or the
    one that answers a step, whose caller decides what a failure means."""
    f = flat.function(api, operation)
    begins = operation.kind == "task"
    call = f"holding.stepped(core.{f.name}({', '.join(p.name for p in f.passed)}))"
    last = f"engine.check({call});" if begins else f"return {call};"
    checks = [line for a in operation.arguments if begins for line in check_lines(a)]
    types = {p.name: _begin_type(api, operation, p) for p in f.parameters if p.name != _TASK}
    parameters = {"engine": "Engine"} | types | {"holding": "Holding"}
    return Method(
        doc=_doc(operation, api) if begins else (*_doc(operation, api), "@returns The status."),
        name=f.name,
        parameters=", ".join(f"{name}: {kind}" for name, kind in parameters.items()),
        returns="void" if begins else "number",
        body=(*checks, *_slots_filled(f), last),
    )


# The parameter for the memory of a task, in place of which there is what holds it.
_TASK = "task"


def _value(parameter: flat.Parameter) -> str:
    return "holding.task" if parameter.name == _TASK else parameter.name


def _slots_filled(f: flat.Function) -> tuple[str, ...]:
    puts = (flat.ts_put(_value(p), index, p.way) for p, index in f.slotted)
    return ("const { core } = engine;", "const { slots } = core;", *puts)


def used_puts(api: Api) -> list[str]:
    ways = {p.way for f in flat.functions(api) for p, _ in f.slotted}
    return [f"put{way.capitalize()}" for way in ("i64", "timestamp") if way in ways]


def _begin_type(api: Api, operation: Operation, parameter: flat.Parameter) -> str:
    if parameter.source is not None and parameter.source.type.kind == "enum":
        return pascal(parameter.source.type.name)
    return parameter.ts


def _doc(operation: Operation, api: Api) -> tuple[str, ...]:
    found = [operation.doc]
    for a in _documented(operation):
        if a.type.kind == "callable" and breaks_chain(api, operation):
            found.append("@param breakChain Once it has succeeded, no later one runs (S3.5).")
        found.append(f"@param {ts_name(a)} {_with_limits(a)}")
    if operation.errors:
        found.append(f"@throws {', '.join(prose.errors(operation, api))}.")
    if operation.kind == "call" and _takes_reference(operation):
        found.append("@internal Values are given as references, which hand-written code makes.")
    return tuple(found)


def _takes_reference(operation: Operation) -> bool:
    """Whether a value crosses as a number, which only hand-written code knows how to make."""
    return any(a.type.kind == "payload" for a in operation.arguments)


def _documented(operation: Operation) -> list[Argument]:
    hidden = ("emitter", "host")
    return [
        a
        for a in operation.arguments
        if a.type.kind not in hidden and not is_callable_flags(operation, a)
    ]


def scoped_methods(api: Api) -> list[Method]:
    """Registering on a scope, as a method of the runtime: the peer's form."""
    found = []
    for operation in _registry_operations(api, "scope"):
        m = method(api, flat.function(api, operation))
        given = f"scope: ScopeReference, {m.parameters}"
        body = (
            f"{'return ' if m.returns != 'void' else ''}this.scopeOf(scope).{m.name}({m.passed});"
        )
        doc = (
            m.doc[0],
            "@param scope The scope's handle, or the uuid of one that is held.",
            *m.doc[1:],
        )
        found.append(
            Method(doc, camel(operation.id), given, m.returns, (body,), f"scope, {m.passed}")
        )
    return found


def _registry_operations(api: Api, handle: str) -> list[Operation]:
    return [op for op in api.operations if op.registry and op.on.name == handle]


def functions_context(api: Api) -> dict:
    """The module-level functions: what a runtime has, on the default one. Whatever takes or gives a
    handle, or takes a value, is written by hand."""
    calls = [
        method(api, flat.function(api, op))
        for op in api.operations
        if op.on is not None
        and (op.on.kind, op.on.name) == ("handle", "runtime")
        and op.kind in ("call", "accessor")
        and not _takes_reference(op)
        and not any(item.type.kind == "handle" for item in (*op.arguments, op.out) if item)
    ]
    methods = [*calls, *scoped_methods(api)]
    structs = sorted({m.returns for m in methods} & {pascal(s.name) for s in api.structs})
    return {
        "methods": [
            Method(m.doc, m.name, m.parameters, m.returns,
                   (f"{'return ' if m.returns != 'void' else ''}"
                    f"defaultRuntime().{m.name}({m.passed});",))
            for m in methods
        ],
        "imports": [
            import_line("callables", "import type", [pascal(r.name) for r in api.registries]),
            import_line("core", "import type", structs),
        ],
    }  # fmt: skip
