"""Python: one function in Cython for each operation, which checks, calls the core, and raises."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Argument, Operation, Registry
from spec.gen.text import fill

from . import convert, shape
from .docstrings import docstring, errors_of

BREAK_CHAIN_BIT = cabi.value_name("callable_flag", "break_chain")
# What fits between `if ` and ` != SCOPEFLOW_STATUS_OK:` in a method.
CALL_WIDTH = 62
STUB_WIDTH = 100


@dataclass(frozen=True)
class Parameter:
    """What a user gives: `name: hint = default`; `line` converts it."""

    name: str
    default: str | None
    hint: str
    line: str
    taken: str  # the C lvalue whose reference the core takes, or empty
    doc: str = ""

    @property
    def in_signature(self) -> str:
        return self.name if self.default is None else f"{self.name}={self.default}"

    @property
    def in_stub(self) -> str:
        default = "" if self.default is None else f" = {self.default}"
        return f"{self.name}: {self.hint}{default}"


# Of a request intercept: once it has succeeded, no later one runs (S3.5).
BREAK_CHAIN = Parameter(
    "break_chain", None, "bool", 'c_breaks = bool_argument(break_chain, "break_chain")', ""
)


@dataclass(frozen=True)
class Function:
    """One operation in Cython. `call` is the C call without the error argument."""

    name: str
    doc: str | tuple[str, ...]  # a docstring as it stands, or paragraphs
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
    blocks: bool = False

    @property
    def taken(self) -> tuple[str, ...]:
        return tuple(p.taken for p in self.parameters if p.taken)


def begin(api: Api, op: Operation) -> Function:
    """The function that checks the arguments of a task, fills its options and begins it."""
    parameters = parameters_of(api, op, lambda a: f"c_options.{cabi.member_name(a)}")
    driver = [a for a in op.arguments if _is_driver(op, a)]
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
    if BREAK_CHAIN in parameters:
        locals_.append("cdef uint32_t c_breaks")
    if op.blocks:
        locals_.append("cdef scopeflow_status c_status")
    call = c_call(op, _call_arguments(op, has_options))
    if not c_function.is_fallible:
        call = f"c_{op.out.name} = {call}"
    breaks = BREAK_CHAIN in parameters
    implicit = [Parameter("", None, "", line, "") for line in _implicit_lines(op, breaks)]
    return Function(
        name=op.id,
        doc=docstring(api, op, parameters),
        signature="".join(f", {p.in_signature}" for p in parameters),
        stub=stub(op, parameters),
        returns="",
        parameters=(*parameters, *implicit),
        c_parameters="",
        options=cabi.options_name(op) if has_options else "",
        locals=tuple(locals_),
        call=call,
        result="" if op.out is None else convert.result(op.out.type, f"c_{op.out.name}"),
        is_fallible=c_function.is_fallible,
        blocks=op.blocks,
    )


def stub(op: Operation, parameters: list[Parameter]) -> str:
    """The method as a stub says it, laid out as Python's formatter would."""
    returns = "None" if op.out is None else convert.field_hint(op.out.type)
    given = ["self", *(p.in_stub for p in parameters)]
    for separators in (("", ", ", ""), ("\n        ", ", ", "\n    ")):
        before, between, after = separators
        text = f"    def {op.id}({before}{between.join(given)}{after}) -> {returns}: ..."
        if max(map(len, text.split("\n"))) <= STUB_WIDTH:
            return text
    lines = "".join(f"        {parameter},\n" for parameter in given)
    return f"    def {op.id}(\n{lines}    ) -> {returns}: ..."


def parameters_of(api: Api, op: Operation, target) -> tuple[Parameter, ...]:
    """What a user gives, required ones first as in the spec."""
    given = [a for a in op.arguments if not shape.is_implicit(a) and not _is_driver(op, a)]
    given = [a for a in given if a.is_required] + [a for a in given if not a.is_required]
    parameters = [parameter(api, op, a, target(a)) for a in given]
    if op.action == "register" and registry_of(api, op).answer == "request":
        parameters.insert(-1, BREAK_CHAIN)
    return tuple(parameters)


def registry_of(api: Api, op: Operation) -> Registry:
    return next(r for r in api.registries if r.name == op.registry)


def parameter(api: Api, op: Operation, argument: Argument, target: str) -> Parameter:
    name = shape.argument_name(op, argument, api)
    hint = convert.argument_hint(argument, api, callback_hint(api, op))
    if argument.type.kind == "callable" and op.registry:
        registry = cabi.value_name("registry", op.registry)
        line = convert.callable_lines(name, target, registry)
    elif op.registry and argument.name == "kinds":
        hint = "Iterable[str]"
        line = f'{target} = kinds_argument({name}, "{name}")'
    else:
        line = convert.argument_line(argument, name, target, api)
    taken = target if argument.passing == "take" else ""
    default = convert.signature_default(argument)
    return Parameter(name, default, hint, line, taken, parameter_doc(api, op, argument))


def parameter_doc(api: Api, op: Operation, argument: Argument) -> str:
    """With its unit; of a callable, how it is called."""
    if argument.type.kind != "callable" or not op.registry:
        return f"{argument.doc} In {UNITS[argument.unit]}." if argument.unit else argument.doc
    registry = registry_of(api, op)
    is_async = "may be async" if registry.accepts_async else "no async function"
    return f"Called with `({', '.join(registry.call_arguments)})`; {is_async}. {argument.doc}"


UNITS = {"ns": "nanoseconds", "bytes": "bytes"}


def callback_hint(api: Api, op: Operation) -> str:
    if not op.registry:
        return "Callable[..., object]"
    registry = registry_of(api, op)
    is_llm = registry.name.startswith("llm_")
    hints = {**_CALL_ARGUMENT_HINTS, "request": "LLMRequest" if is_llm else "Any"}
    arguments = ", ".join(hints[a] for a in registry.call_arguments)
    answers = [_answer_hint(registry, is_llm)]
    if registry.accepts_async:
        # None stands last, as the linter wants it.
        answers = [*answers[0].split(" | "), f"Awaitable[{answers[0]}]"]
        answers.sort(key=lambda answer: answer == "None")
    if "Any" in answers:
        answers = ["Any"]
    if registry.name in SHAPES:
        arguments = "..."
    return (
        f"Callable[{arguments if arguments == '...' else f'[{arguments}]'}, {' | '.join(answers)}]"
    )


def _answer_hint(registry: Registry, is_llm: bool) -> str:
    if registry.name == "llm_sanitize_request_guardrail":
        return "LLMRequest"
    return _ANSWER_HINTS[registry.answer]


# These may be written in more than one way: `(request, next)` or `(name, request, next)`.
SHAPES = {"llm_stream_execution_intercept"}
_CALL_ARGUMENT_HINTS = {
    "name": "str",
    "response": "Any",
    "annotated": "Any",
    "next": "Callable[[Any], Any]",
    "event": "ScopeEvent | MarkEvent",
    "kinds": "set[str]",
    "registration": "str",
    "fields": "dict[str, Any]",
}
_ANSWER_HINTS = {
    "reason": "str | None",
    "nothing": "object",
    "payload": "Any",
    "fields": "Any",
    "members": "dict[str, Any]",
    "request": "Any",
    "result": "Any",
}


def self_parameter(op: Operation) -> Parameter:
    name = shape.self_name(op)
    of_class = shape.handle_class(op.on.name)
    line = convert.handle_lines(name, "c_self", of_class)
    return Parameter(name, None, of_class, line, "")


def documentation(api: Api, op: Operation) -> list[str]:
    """What it does, units, errors (style rule 7); ownership is the binding's affair."""
    return [op.doc, *errors_of(api, op)]


def c_call(op: Operation, arguments: list[str]) -> str:
    """On one line where it fits, else the arguments on lines of their own."""
    name = cabi.function_name(op)
    call = f"{name}({', '.join(arguments)})"
    if len(call) <= CALL_WIDTH:
        return call
    return f"{name}(\n        " + "\n        ".join(fill([*arguments, ""], 84)).rstrip() + "\n    )"


def _is_driver(op: Operation, argument: Argument) -> bool:
    """Whether the hand-written driver gives it as a C value."""
    if argument.name in shape.DRIVER_ARGUMENTS.get(op.id, ()):
        return True
    if argument.type.kind == "flags" and argument.type.name in shape.DRIVER_FLAGS:
        return argument.type.name != "callable_flag"
    if argument.type.kind == "value":
        return True
    return shape.is_implicit(argument) and argument.type.kind in ("handle", "emitter")


def takes_host(op: Operation) -> bool:
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


def _implicit_lines(op: Operation, breaks: bool) -> list[str]:
    """What the binding knows by itself: the context's current scope, and of a callable what is
    found out about it."""
    lines = [
        f"{_local(a)} = pointer_of(current_of(<Runtime>self))"
        for a in op.arguments
        if a.name == "current"
    ]
    target = next((a for a in op.arguments if a.type.kind == "callable"), None)
    given = [a for a in op.arguments if a.type.name == "callable_flag" and target is not None]
    lines += [f"{_local(a)} = callable_flags({_local(target)})" for a in given]
    if breaks:
        lines += [f"if c_breaks:\n    {_local(a)} |= {BREAK_CHAIN_BIT}" for a in given]
    return lines
