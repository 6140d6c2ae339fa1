"""The exported methods that need nothing by hand: simple operations and the registries."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import prose
from spec.gen.model import Api, Argument, Operation, Registry
from spec.gen.names import pascal
from spec.gen.text import with_article

from . import spelling
from .core import zero_value

SIMPLE = ("call", "accessor")


@dataclass(frozen=True)
class Method:
    doc: tuple[str, ...]
    signature: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Class:
    """A Go type around a handle, for handles that have none written by hand."""

    doc: str
    type: str
    handle_type: str
    receiver: str


@dataclass(frozen=True)
class Middleware:
    """A registry: its callable's type, how a step calls it, and its functions."""

    doc: str
    title: str  # as the methods have it in their names
    func_type: str
    parameters: str
    results: str
    declaration: str  # the parameters of the methods that register it
    given: str  # what those are given of `registrationArguments`
    options: str  # the members of `registrationArguments` among them, as bits
    number: str
    call: tuple[str, ...]
    methods: tuple[Method, ...]


# What a callable is given, by its name in the spec: the parameter and what a step has for it.
_CALL_ARGUMENTS = {
    "name": ("name string", "c.targetName()"),
    "request": ("request any", "c.stepInput()"),
    "response": ("response any", "c.stepInput()"),
    "next": ("next NextFunc", "c.next()"),
    "event": ("event *Event", "c.stepEvent()"),
    "fields": ("fields *EventFields", "c.stepFields()"),
    "kinds": ("kinds uint32", "c.stepKinds()"),
    "registration": ("registration string", "c.targetName()"),
}
# LLM calls have a type of their own for requests, and streams for what they give.
_LLM_ARGUMENTS = {
    "request": ("request *LLMRequest", "c.stepRequest()"),
    "annotated": ("annotated any", "c.stepAnnotated()"),
    "next": ("next LLMNextFunc", "c.nextLLM()"),
}
_STREAM_ARGUMENTS = {**_LLM_ARGUMENTS, "next": ("next LLMStreamNextFunc", "c.nextStream()")}
_STREAM_REGISTRY = "llm_stream_execution_intercept"
_OWN_ANSWERS = {
    "llm_sanitize_request_guardrail": (
        "(*LLMRequest, error)",
        "return c.answerLLMRequest({call})",
    ),
    "llm_request_intercept": ("(any, error)", "return c.answerIntercepted({call})"),
    _STREAM_REGISTRY: ("(any, error)", "return c.answerResult({call})"),
}
# What a callable answers: its results, and the statement that makes the answer of them.
_ANSWERS = {
    "reason": ("(*string, error)", "return c.answerReason({call})"),
    "payload": ("(any, error)", "return c.answerPayload({call})"),
    "request": ("(any, error)", "return c.answerRequest({call})"),
    "result": ("(any, error)", "return c.answerResult({call})"),
    "fields": ("(*EventFields, error)", "return c.answerFields({call})"),
    "members": ("(map[string]any, error)", "return c.answerMembers({call})"),
    "nothing": ("", "{call}\nreturn c.answerNothing()"),
}


def classes(api: Api) -> list[Class]:
    found = []
    for handle in api.handles:
        owner = spelling.class_of(api, handle.name)
        if owner is not None and handle.name not in spelling.CLASSES:
            found.append(Class(handle.doc, owner[0], spelling.handle_type(handle.name), owner[1]))
    return found


def methods(api: Api) -> list[Method]:
    found = []
    for operation in api.operations:
        if operation.kind not in SIMPLE or operation.on is None or operation.registry:
            continue
        if operation.on.kind != "handle" or operation.id in spelling.GO_NAMES:
            continue
        owner = spelling.class_of(api, operation.on.name)
        if owner is not None:
            found.append(_method(api, operation, owner))
    return found


def _documented(
    api: Api, name: str, operation: Operation, facts: list[str] = ()
) -> tuple[str, ...]:
    paragraphs = [spelling.documented(name, operation.doc), *facts]
    if operation.errors:
        paragraphs.append("Errors: " + ", ".join(prose.errors(operation, api)) + ".")
    return tuple(paragraphs)


def _method(api: Api, operation: Operation, owner: tuple[str, str]) -> Method:
    go_class, receiver = owner
    name = spelling.exported(spelling.noun(operation, operation.on.name))
    core = f"core{pascal(operation.id)}"
    before, given, after = _arguments(api, operation, receiver)
    lines = [*before]
    call = f"{core}({', '.join([f'{receiver}.handle', *given])})"
    parameters = ", ".join(
        f"{spelling.local(a.name)} {spelling.value_type(api, a)}" for a in operation.arguments
    )
    keep = [f"runtime.KeepAlive({receiver})", *after]
    result, value = _result(api, operation, receiver)
    head = f"func ({receiver} *{go_class}) {name}({parameters})"
    if operation.kind == "accessor":
        lines += [f"out := {call}", *keep, f"return {value}"]
        signature = f"{head} {result}"
    elif operation.out is None:
        lines = [f"if err := {receiver}.usable(); err != nil {{", "\treturn err", "}", *lines]
        lines += [f"err := {call}", *keep, "return err"]
        signature = f"{head} error"
    else:
        zero = _zero(api, operation)
        lines = [
            f"if err := {receiver}.usable(); err != nil {{",
            f"\treturn {zero}, err",
            "}",
            *lines,
        ]
        lines += [f"out, err := {call}", *keep]
        if value != "out":
            lines += ["if err != nil {", f"\treturn {zero}, err", "}", f"return {value}, nil"]
        else:
            lines.append("return out, err")
        signature = f"{head} ({result}, error)"
    return Method(_documented(api, name, operation), signature, tuple(lines))


def _arguments(api: Api, operation: Operation, receiver: str):
    """Statements before the call, what is handed over, statements after it."""
    before, given, after = [], [], []
    for a in operation.arguments:
        name = spelling.local(a.name)
        if a.type.kind == "handle" and spelling.class_of(api, a.type.name):
            given.append(f"{name}.handleOrNil()")
            after.append(f"runtime.KeepAlive({name})")
        elif a.type.is_reference:
            before.append(f"{name}Ref := {receiver}.owner().slots.put(0, {name})")
            given.append(f"{name}Ref")
            if a.passing != "take":
                after.append(f"{receiver}.owner().slots.take({name}Ref)")
        else:
            given.append(name)
    return before, given, after


def _result(api: Api, operation: Operation, receiver: str) -> tuple[str, str]:
    """The Go type of what comes out, and the expression that makes it of `out`."""
    out = operation.out
    if out is None:
        return "", ""
    if out.type.kind == "handle" and out.type.name in spelling.CLASSES:
        return f"*{spelling.CLASSES[out.type.name][0]}", f"{receiver}.owner().adopt(out)"
    if out.type.is_reference:
        return "any", f"{receiver}.owner().slots.get(out)"
    if out.type.kind == "string":
        return "string", "strings.Clone(out)"
    return spelling.go_type(out.type), "out"


def _zero(api: Api, operation: Operation) -> str:
    if operation.out.type.is_reference:
        return "nil"
    return zero_value(operation.out.type)


# --- Registries ---


def middleware(api: Api) -> list[Middleware]:
    return [_middleware(api, registry) for registry in api.registries]


def func_type(registry: str) -> str:
    return spelling.exported(registry) + "Func"


def _call_arguments(registry: Registry) -> list[tuple[str, str]]:
    own = {}
    if registry.name.startswith("llm_"):
        own = _STREAM_ARGUMENTS if registry.name == _STREAM_REGISTRY else _LLM_ARGUMENTS
    return [(_CALL_ARGUMENTS | own)[name] for name in registry.call_arguments]


def _answer(registry: Registry) -> tuple[str, str]:
    return _OWN_ANSWERS.get(registry.name) or _ANSWERS[registry.answer]


def func_signature(registry: Registry) -> str:
    """`func(ctx context.Context, event *Event)`, with the results."""
    given = [parameter for parameter, _ in _call_arguments(registry)]
    results = _answer(registry)[0]
    return f"func({', '.join(['ctx context.Context', *given])}) {results}".rstrip()


def _middleware(api: Api, registry: Registry) -> Middleware:
    given = _call_arguments(registry)
    results, statement = _answer(registry)
    call = f"callable.({func_type(registry.name)})({', '.join(['ctx', *(v for _, v in given)])})"
    operations = [op for op in api.operations if op.registry == registry.name]
    found = [_registry_method(api, op) for op in operations]
    found += [_default_function(api, op) for op in operations if op.on.name == "runtime"]
    registering = next(op for op in operations if op.action == "register")
    return Middleware(
        doc=f"{func_type(registry.name)} is {with_article(registry.title)}: {registry.doc}",
        title=spelling.exported(registry.name),
        func_type=func_type(registry.name),
        declaration=_registry_declaration(registering),
        given=", ".join(_GIVEN[a.name] for a in registry_parameters(registering)),
        options=" | ".join(
            _OPTIONS[a.name] for a in registry_parameters(registering) if a.name in _OPTIONS
        )
        or "0",
        parameters=", ".join(["ctx context.Context", *(p for p, _ in given)]),
        results=results,
        number=spelling.constant("registry", registry.name),
        call=tuple(statement.format(call=call).split("\n")),
        methods=tuple(found),
    )


def can_break_chain(operation: Operation) -> bool:
    """Whether a registration says that no later one runs; it is all that Go says in flags, for
    nothing is asynchronous there."""
    return operation.registry.endswith("_request_intercept")


def registry_parameters(operation: Operation) -> list[Argument]:
    """The function comes last."""
    given = [a for a in operation.arguments if a.type.kind != "flags" or can_break_chain(operation)]
    return sorted(given, key=lambda a: a.type.kind == "callable")


def _registry_declaration(operation: Operation) -> str:
    return ", ".join(
        f"{_REGISTRY_NAMES.get(a.type.kind, spelling.local(a.name))} {_registry_type(operation, a)}"
        for a in registry_parameters(operation)
    )


_GIVEN = {
    "name": "name", "priority": "a.priority", "flags": "a.breaksChain", "kinds": "a.kinds",
    "registration": "a.target", "callable": "fn",
}  # fmt: skip
_OPTIONS = {
    "priority": "optionPriority", "flags": "optionBreakChain", "registration": "optionTarget",
}  # fmt: skip
_REGISTRY_NAMES = {"callable": "fn", "flags": "breakChain"}


def _registry_type(operation: Operation, a: Argument) -> str:
    if a.type.kind == "flags":
        return "bool"
    if a.type.kind == "callable":
        return func_type(operation.registry)
    return spelling.go_type(a.type)


def _registry_method(api: Api, operation: Operation) -> Method:
    go_class, receiver = spelling.CLASSES[operation.on.name]
    name = f"{pascal(operation.action)}{spelling.exported(operation.registry)}"
    core = f"core{pascal(operation.id)}"
    head = f"func ({receiver} *{go_class}) {name}({_registry_declaration(operation)})"
    flags = "chainFlag(breakChain)" if can_break_chain(operation) else "0"
    given = [
        {"callable": "callable", "flags": flags}.get(a.type.kind, spelling.local(a.name))
        for a in operation.arguments
    ]
    call = f"{core}({', '.join([f'{receiver}.handle', *given])})"
    if operation.action == "deregister":
        lines = [f"if {receiver}.usable() != nil {{", "\treturn false", "}"]
        lines += [f"removed, err := {call}", f"runtime.KeepAlive({receiver})"]
        lines.append("return err == nil && removed")
        doc = (spelling.documented(name, operation.doc), "It says whether the name was known.")
        return Method(doc, head + " bool", tuple(lines))
    lines = [f"if err := {receiver}.usable(); err != nil {{", "\treturn err", "}"]
    lines += [
        "if fn == nil {",
        f'\treturn invalidArgument("{operation.registry} must not be nil")',
        "}",
    ]
    lines += [f"callable := {receiver}.holdCallable(fn)", f"err := {call}"]
    lines += [f"runtime.KeepAlive({receiver})", "if err != nil {"]
    lines += [f"\t{receiver}.owner().slots.take(callable)", "}", "return err"]
    errors = "Errors: " + ", ".join(prose.errors(operation, api)) + "."
    return Method((spelling.documented(name, operation.doc), errors), head + " error", tuple(lines))


def _default_function(api: Api, operation: Operation) -> Method:
    """The function of the package that does the same on the default runtime."""
    name = f"{pascal(operation.action)}{spelling.exported(operation.registry)}"
    given = ", ".join(
        _REGISTRY_NAMES.get(a.type.kind, spelling.local(a.name))
        for a in registry_parameters(operation)
    )
    head = f"func {name}({_registry_declaration(operation)})"
    doc = (f"{name} is [Runtime.{name}] on the default runtime.",)
    result, failure = ("bool", "false") if operation.action == "deregister" else ("error", "err")
    lines = ("r, err := Default()", "if err != nil {", f"\treturn {failure}", "}")
    return Method(doc, f"{head} {result}", (*lines, f"return r.{name}({given})"))
