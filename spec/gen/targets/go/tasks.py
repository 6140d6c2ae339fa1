"""What is done with a task that runs: the calls by which its driver answers, marks or leaves it."""

from __future__ import annotations

from spec.gen import cabi
from spec.gen.model import Api, Argument, Operation, Struct
from spec.gen.names import camel

from . import glue, spelling
from .glue import Function, Passed, Shim

# The value of a call's block in C, and where its steps and errors go.
BLOCK = "scopeflow_go_call *const block = (scopeflow_go_call *)call;"
STEP = "&block->step, &block->error"


def task_call_shim(api: Api, op: Operation) -> Shim:
    """A call on a task has its error where the task's steps have theirs."""
    parts = glue.call_parts(op)
    given = ", ".join(["&block->task", *(p.c_value for p in parts), "&block->error"])
    lines = [BLOCK, f"return {cabi.function_name(op)}({given});"]
    block = Passed(("uintptr_t call",), "", ())
    return glue.shim(api, op, "int32_t", [block, *parts], [], lines)


def task_call_function(op: Operation) -> Function:
    name = camel(op.id)
    arguments = ["c.address", *(a for p in glue.call_parts(op) for a in p.go_arguments)]
    lines = (f"return Status(C.{glue.shim_name(op)}({', '.join(arguments)}))",)
    signature = f"func (c *call) {name}({glue.parameters(op)}) Status"
    return Function(glue.doc(name, op), signature, lines)


def resume_shim(api: Api, op: Operation) -> Shim:
    parts, lines = [Passed(("uintptr_t call",), "", ())], [BLOCK]
    for struct, argument in flattened(api, op):
        lines.append(f"scopeflow_{struct.name} {argument.name};")
        for f in struct.fields:
            part = glue.passed(f, f.type, f"{argument.name}_{f.name}", "")
            parts.append(part)
            lines.append(f"{argument.name}.{cabi.member_name(f)} = {part.c_value};")
    arguments = ", ".join(f"&{a.name}" for _, a in flattened(api, op))
    call = f"{cabi.function_name(op)}(&block->task, {arguments}, {STEP})"
    lines.append(f"return scopeflow_go_stepped(block, {call});")
    return glue.shim(api, op, "int32_t", parts, [], lines)


def flattened(api: Api, op: Operation) -> list[tuple[Struct, Argument]]:
    return [(api.struct(a.type.name), a) for a in op.arguments if a.type.kind == "struct"]


def resume_function(api: Api, op: Operation) -> Function:
    name = camel(op.id)
    parameters, arguments = [], ["c.address"]
    for struct, _ in flattened(api, op):
        for f in struct.fields:
            if f.type.kind != "emitter":
                parameters.append(f"{spelling.local(f.name)} {spelling.go_type(f.type)}")
            value = "emitter" if f.type.kind == "emitter" else spelling.local(f.name)
            arguments += glue.passed(f, f.type, f.name, value).go_arguments
    lines = ["emitter := c.lockEmitter()"]
    lines.append(f"result := Status(C.{glue.shim_name(op)}({', '.join(arguments)}))")
    lines += ["c.unlockEmitter()", "return result"]
    signature = f"func (c *call) {name}({', '.join(parameters)}) Status"
    return Function(glue.doc(name, op), signature, tuple(lines))


def abandon_shim(api: Api, op: Operation) -> Shim:
    lines = [BLOCK, f"{cabi.function_name(op)}(&block->task);"]
    return glue.shim(api, op, "void", [Passed(("uintptr_t call",), "", ())], [], lines)


def abandon_function(api: Api, op: Operation) -> Function:
    name = camel(op.id)
    lines = (f"C.{glue.shim_name(op)}(c.address)",)
    return Function(glue.doc(name, op), f"func (c *call) {name}()", lines)
