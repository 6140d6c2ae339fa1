"""The glue: flat C functions for the preamble, and the Go functions that call them.

Go hands over numbers, handles and texts as pointer and length, never a pointer to memory that holds
pointers; the C side puts them into the structs of the public header.
"""

from __future__ import annotations

from spec.gen import cabi
from spec.gen.model import Api, Argument, Operation, Type
from spec.gen.names import pascal

from . import glue, spelling, tasks, values
from .glue import Function, Passed, Reader, Shim


def shims(api: Api) -> list[Shim]:
    return [SHIMS[op.kind](api, op) for op in api.operations if op.kind in SHIMS]


def functions(api: Api) -> list[Function]:
    return [FUNCTIONS[op.kind](api, op) for op in api.operations if op.kind in FUNCTIONS]


def readers(api: Api) -> list[Reader]:
    return [
        Reader(
            name=spelling.reader(s.name),
            c_type=f"C.scopeflow_{s.name}",
            go_type=spelling.type_name(s.name),
            members=tuple(
                (spelling.field_name(f), _from_c(f"c.{glue.c_member(f)}", f.type, copied=True))
                for f in s.fields
            ),
        )
        for s in spelling.structs_out(api)
    ]


# --- Operations with arguments in a struct ---


def _options_lines(operation: Operation, by_name: dict[str, Passed]) -> list[str]:
    """The lines that fill the C struct of options, in its own order."""
    lines = [f"{cabi.options_name(operation)} options;", "memset(&options, 0, sizeof options);"]
    lines.append("options.struct_size_bytes = (uint32_t)sizeof options;")
    for member in cabi.options_members(operation)[1:]:
        lines.append(f"options.{member.name} = {by_name[member.source.name].c_value};")
    return lines


def _options_parts(operation: Operation) -> dict[str, Passed]:
    """The arguments by name; what Go hands over is decided by the function's own lines."""
    return {
        a.name: glue.argument_passed(a, argument_value(a))
        for a in operation.arguments
        if a.type.kind != "host"
    }


def argument_value(argument: Argument) -> str:
    """The Go expression of an argument of a task or a constructor."""
    name = spelling.local(argument.name)
    if argument.name == "current":
        return "c.current.handleOrNil()"
    if argument.name == "emitter":
        return "emitter"
    if argument.type.kind == "handle":
        return f"a.{name}.handleOrNil()"
    if argument.type.is_reference:
        return f"{name}Ref"
    return f"a.{name}"


def is_on_task(op: Operation) -> bool:
    return op.on is not None and op.on.kind == "value"


def _task_shim(api: Api, op: Operation) -> Shim:
    parts = _options_parts(op)
    lines = [tasks.BLOCK, *_options_lines(op, parts)]
    call = f"{cabi.function_name(op)}(self, &options, &block->task, {tasks.STEP})"
    lines.append(f"return scopeflow_go_stepped(block, {call});")
    call_parameter = Passed(("uintptr_t call",), "call", ())
    return glue.shim(
        api, op, "int32_t", [call_parameter, glue.self_of(op), *parts.values()], [], lines
    )


def _task_function(api: Api, op: Operation) -> Function:
    name = "begin" + pascal(op.id)
    lines, taken = hold_references(op)
    arguments = [a for p in _options_parts(op).values() for a in p.go_arguments]
    lines.append("emitter := c.lockEmitter()")
    lines += [f"status := Status(C.{glue.shim_name(op)}(", "\tc.address, self,"]
    lines += [f"\t{argument}," for argument in arguments]
    lines += ["))", "c.unlockEmitter()"]
    lines += [f"c.keepOnFailure(status, {ref})" for ref in taken]
    lines += ["runtime.KeepAlive(a)", "return status"]
    handle = spelling.handle_type(op.on.name)
    signature = f"func (c *call) {name}(self {handle}, a *{values.arguments_type(op)}) Status"
    return Function(glue.doc(name, op), signature, tuple(lines))


def hold_references(operation: Operation) -> tuple[list[str], list[str]]:
    """Lines that turn Go values into refs, and the refs that the core takes on success."""
    lines, taken = [], []
    for a in operation.arguments:
        if not a.type.is_reference:
            continue
        name = spelling.local(a.name)
        hold = "give" if a.passing == "take" else "lend"
        if not a.optional:
            hold += "Any"
        lines.append(f"{name}Ref := c.{hold}(a.{name})")
        if a.passing == "take":
            taken.append(f"{name}Ref")
    return lines, taken


def _constructor_shim(api: Api, op: Operation) -> Shim:
    parts = _options_parts(op)
    host = [a for a in op.arguments if a.type.kind == "host"]
    lines = _options_lines(op, parts)
    arguments = ["&options", "out", "failure"]
    given = list(parts.values())
    if host:
        lines.append("scopeflow_host const host = scopeflow_go_host(host_context);")
        arguments.insert(0, "&host")
        given.insert(0, Passed(("uintptr_t host_context",), "", ()))
    lines.append(f"return {cabi.function_name(op)}({', '.join(arguments)});")
    extra = [f"{cabi.c_type(op.out.type)}*out", "scopeflow_error *failure"]
    return glue.shim(api, op, "int32_t", given, extra, lines)


def _constructor_function(api: Api, op: Operation) -> Function:
    name = glue.core_name(op)
    has_host = any(a.type.kind == "host" for a in op.arguments)
    arguments = ["C.uintptr_t(host)"] if has_host else []
    arguments += [a for p in _options_parts(op).values() for a in p.go_arguments]
    handle = spelling.go_type(op.out.type)
    lines = [f"var out {handle}", "failure := newFailure()"]
    lines += [f"status := C.{glue.shim_name(op)}("]
    lines += [f"\t{a}," for a in (*arguments, "&out", "failure")]
    lines += [")", "runtime.KeepAlive(a)", "return out, coreError(status, failure)"]
    parameters = ["host uintptr"] if has_host else []
    parameters.append(f"a *{values.arguments_type(op)}")
    signature = f"func {name}({', '.join(parameters)}) ({handle}, error)"
    return Function(glue.doc(name, op), signature, tuple(lines))


# --- Operations with plain arguments ---


def _call_shim(api: Api, op: Operation) -> Shim:
    if is_on_task(op):
        return tasks.task_call_shim(api, op)
    parts = ([glue.self_of(op)] if op.on else []) + glue.call_parts(op)
    arguments = [p.c_value for p in parts]
    extra = []
    if op.out is not None:
        extra.append(
            cabi.function(op).parameters[-2].declaration.replace(f"out_{op.out.name}", "out")
        )
        arguments.append("out")
    extra.append("scopeflow_error *failure")
    lines = [f"return {cabi.function_name(op)}({', '.join([*arguments, 'failure'])});"]
    return glue.shim(api, op, "int32_t", parts, extra, lines)


def _call_function(api: Api, op: Operation) -> Function:
    if is_on_task(op):
        return tasks.task_call_function(op)
    name = glue.core_name(op)
    arguments = (["self"] if op.on else []) + [
        a for p in glue.call_parts(op) for a in p.go_arguments
    ]
    lines = ["failure := newFailure()"]
    if op.out is not None:
        lines.insert(0, f"var out {_c_out(op.out.type)}")
        arguments.append("&out")
    arguments.append("failure")
    lines.append(f"status := C.{glue.shim_name(op)}({', '.join(arguments)})")
    parameters = glue.parameters(op)
    if op.out is None:
        lines.append("return coreError(status, failure)")
        signature = f"func {name}({parameters}) error"
        return Function(glue.doc(name, op), signature, tuple(lines))
    result = spelling.go_type(op.out.type)
    zero = zero_value(op.out.type)
    lines.append("err := coreError(status, failure)")
    lines += ["if err != nil {", f"\treturn {zero}, err", "}"]
    lines.append(f"return {_from_c('out', op.out.type, copied=False)}, nil")
    signature = f"func {name}({parameters}) ({result}, error)"
    return Function(glue.doc(name, op), signature, tuple(lines))


def zero_value(kind: Type) -> str:
    go = spelling.go_type(kind)
    if kind.kind == "struct" or kind.kind == "uuid":
        return go + "{}"
    return {"string": '""', "bool": "false", "handle": "nil", "bytes": "nil"}.get(kind.kind, "0")


def _c_out(kind: Type) -> str:
    c = cabi.c_type(kind).strip()
    return "*C." + c[:-1].strip() if c.endswith("*") else "C." + c


def _from_c(value: str, kind: Type, copied: bool) -> str:
    """A Go expression for a value of C; `copied` texts outlive what they were read from."""
    go = spelling.go_type(kind)
    if kind.kind == "string":
        return f"copyText({value})" if copied else f"borrowText({value})"
    if kind.kind == "bytes":
        return f"[]byte(copyText({value}))"
    if kind.kind == "chars":
        return f"C.GoString(&{value}[0])"
    if kind.kind == "struct":
        return f"{spelling.reader(kind.name)}(&{value})"
    if kind.kind == "uuid":
        return f"readUUID(&{value})"
    if kind.kind == "bool":
        return f"{value} != 0"
    return value if kind.kind == "handle" else f"{go}({value})"


def _accessor_shim(api: Api, op: Operation) -> Shim:
    returns = cabi.c_type(op.out.type)
    return glue.shim(
        api, op, returns, [glue.self_of(op)], [], [f"return {cabi.function_name(op)}(self);"]
    )


def _accessor_function(api: Api, op: Operation) -> Function:
    name = glue.core_name(op)
    go = spelling.go_type(op.out.type)
    lines = [f"return {_from_c(f'C.{glue.shim_name(op)}(self)', op.out.type, copied=False)}"]
    signature = f"func {name}({glue.parameters(op)}) {go}"
    return Function(glue.doc(name, op), signature, tuple(lines))


def _retain_shim(api: Api, op: Operation) -> Shim:
    returns = cabi.c_type(op.on)
    return glue.shim(
        api, op, returns, [glue.self_of(op)], [], [f"return {cabi.function_name(op)}(self);"]
    )


def _retain_function(api: Api, op: Operation) -> Function:
    name = glue.core_name(op)
    signature = f"func {name}({glue.parameters(op)}) {spelling.handle_type(op.on.name)}"
    return Function(glue.doc(name, op), signature, (f"return C.{glue.shim_name(op)}(self)",))


def _plain_shim(api: Api, op: Operation) -> Shim:
    parts = [glue.self_of(op), *glue.call_parts(op)]
    arguments = ", ".join(p.c_value for p in parts)
    return glue.shim(api, op, "void", parts, [], [f"{cabi.function_name(op)}({arguments});"])


def _plain_function(api: Api, op: Operation) -> Function:
    name = glue.core_name(op)
    arguments = ["self", *(a for p in glue.call_parts(op) for a in p.go_arguments)]
    lines = (f"C.{glue.shim_name(op)}({', '.join(arguments)})",)
    return Function(glue.doc(name, op), f"func {name}({glue.parameters(op)})", lines)


SHIMS = {
    "task": _task_shim, "constructor": _constructor_shim, "call": _call_shim,
    "accessor": _accessor_shim, "retain": _retain_shim, "release": _plain_shim,
    "destructor": _plain_shim, "tape": _plain_shim, "resume": tasks.resume_shim,
    "abandon": tasks.abandon_shim,
}  # fmt: skip

FUNCTIONS = {
    "task": _task_function, "constructor": _constructor_function, "call": _call_function,
    "accessor": _accessor_function, "retain": _retain_function, "release": _plain_function,
    "destructor": _plain_function, "tape": _plain_function, "resume": tasks.resume_function,
    "abandon": tasks.abandon_function,
}  # fmt: skip
