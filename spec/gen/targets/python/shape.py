"""What things are called in Python, and who makes them, where the spec alone does not say.

The names follow the peers' Python API, so that their users find their way.
"""

from __future__ import annotations

import keyword

from spec.gen.model import Api, Argument, Operation, Type
from spec.gen.names import pascal

# Classes that are written by hand in python/scopeflow/native; other handles get a generated one.
HANDLE_CLASSES = {"runtime": "Runtime", "scope": "ScopeHandle", "event": "Event"}

ENUM_CLASSES = {"file_mode": "AtofExporterMode"}

FLAGS_CLASSES = {"llm_attribute": "LLMAttributes"}

# Set by the driver, never by a user: they stay plain integers.
DRIVER_FLAGS = {"callable_flag", "call_flag", "pop_flag"}
DRIVER_ARGUMENTS = {"task_link": {"position"}}

ERROR_BASES = {
    "guardrail_rejected": "Refusal",
    "invalid_argument": "ScopeflowError, ValueError",
    "invalid_json": "ScopeflowError, ValueError",
    "invalid_utf8": "ScopeflowError, ValueError",
}

ARGUMENT_NAMES = {
    "scope_push": {"type": "scope_type", "parent": "handle"},
    "scope_event": {"parent": "handle"},
    "tool_execute": {"parent": "handle", "request": "args"},
    "tool_call": {"parent": "handle", "request": "args"},
    "tool_call_end": {"response": "result"},
    "tool_request_intercepts": {"request": "args"},
    "tool_conditional_execution": {"request": "args"},
    "llm_execute": {"parent": "handle"},
    "llm_stream_execute": {"parent": "handle"},
    "llm_call": {"parent": "handle"},
    "register_conditional_middleware_guardrail": {"registration": "registration_name"},
    "scope_register_conditional_middleware_guardrail": {"registration": "registration_name"},
}

# What a registry's callable is called, by what it answers.
CALLABLE_NAMES = {
    "reason": "guardrail",
    "nothing": "callback",
    "payload": "guardrail",
    "fields": "guardrail",
    "request": "fn",
    "result": "fn",
    "members": "injector",
}

# Complete as they are, but shown in another form: `Runtime.last_errors` and `Runtime.registrations`
# give all of them.
HAND_WRITTEN = {"runtime_last_error", "registration_list_new", "registration_list_read"}

# Kinds of operation that come out complete; tasks get a `begin` function for the driver.
CALLABLE_KINDS = ("call", "accessor", "constructor")


def enum_class(name: str) -> str:
    """`scope_type` -> `ScopeType`."""
    return ENUM_CLASSES.get(name, pascal(name))


def member_name(name: str) -> str:
    """`category_profile` -> `CategoryProfile`; `none` gets a line, since `None` is a keyword."""
    member = pascal(name)
    return f"{member}_" if keyword.iskeyword(member) else member


def flags_class(name: str) -> str:
    """`scope_attribute` -> `ScopeAttributes`."""
    return FLAGS_CLASSES.get(name, pascal(name) + "s")


def handle_class(name: str) -> str:
    """`atof_sink` -> `AtofSink`."""
    return HANDLE_CLASSES.get(name, pascal(name))


def struct_class(name: str) -> str:
    """`runtime_stats` -> `RuntimeStats`."""
    return pascal(name)


def error_class(name: str) -> str:
    """`already_exists` -> `AlreadyExists`."""
    return pascal(name)


def error_bases(name: str) -> str:
    return ERROR_BASES.get(name, "ScopeflowError")


def argument_name(operation: Operation, argument: Argument, api: Api) -> str:
    """The keyword under which a user gives the argument."""
    if argument.type.kind == "callable" and operation.registry:
        registry = next(r for r in api.registries if r.name == operation.registry)
        return CALLABLE_NAMES.get(registry.answer, argument.name)
    return ARGUMENT_NAMES.get(operation.id, {}).get(argument.name, argument.name)


def self_name(operation: Operation) -> str:
    """The name of the argument that an operation is called on, when that is not the runtime."""
    if operation.registry:
        return f"{operation.on.name}_handle"
    return "handle" if operation.on.name == "scope" else operation.on.name


def is_implicit(argument: Argument) -> bool:
    """Whether the binding knows the argument by itself: nobody passes it."""
    return (
        argument.type.kind in ("emitter", "host")
        or argument.name == "current"
        or argument.type == Type("flags", "callable_flag")
    )


def is_method(operation: Operation) -> bool:
    """Whether the operation becomes a complete method of Runtime."""
    if operation.kind not in CALLABLE_KINDS or operation.id in HAND_WRITTEN:
        return False
    if any(a.type.kind == "host" for a in operation.arguments):
        return False
    return operation.on is None or (operation.on.kind == "handle" and operation.on.name != "tape")


def is_user_facing(operation: Operation) -> bool:
    return is_method(operation) or operation.kind in ("task", "constructor")


def generated_handles(api: Api) -> list[str]:
    """Handles that some complete operation makes or takes, and nobody wrote a class for."""
    used = [op.out.type for op in api.operations if is_method(op) and op.out is not None]
    used += [op.on for op in api.operations if is_method(op) and op.on is not None]
    used += [a.type for op in api.operations if is_method(op) for a in op.arguments]
    names = {kind.name for kind in used if kind.kind == "handle"} - set(HANDLE_CLASSES)
    return [handle.name for handle in api.handles if handle.name in names]


# Of which classes written by hand are made: what they are called here.
FORM_BASES = {
    "annotated_llm_request": "RequestMembers",
    "annotated_llm_response": "ResponseMembers",
}


def form_class(name: str) -> str:
    """`content_part` -> `ContentPart`."""
    return FORM_BASES.get(name, pascal(name))


def view_forms(api: Api) -> list[str]:
    """Objects of the codecs' common form that a user sees by the class made of them."""
    return [form.name for form in api.codec_forms if form.name not in FORM_BASES]


def out_structs(api: Api) -> list[str]:
    """Structs that a user gets to see."""
    names = {
        op.out.type.name
        for op in api.operations
        if is_method(op) and op.out is not None and op.out.type.kind == "struct"
    }
    return [struct.name for struct in api.structs if struct.name in names]


def user_enums(api: Api) -> list[str]:
    """Enums that stand in an argument, a result or a struct of a user."""
    used = [a.type for op in api.operations if is_user_facing(op) for a in op.arguments]
    used += [op.out.type for op in api.operations if is_method(op) and op.out is not None]
    used += [f.type for name in out_structs(api) for f in api.struct(name).fields]
    names = {kind.name for kind in used if kind.kind == "enum"}
    return [enum.name for enum in api.enums if enum.name in names]


def user_flags(api: Api) -> list[str]:
    used = [a.type for op in api.operations if is_user_facing(op) for a in op.arguments]
    names = {kind.name for kind in used if kind.kind == "flags"} - DRIVER_FLAGS
    return [flags.name for flags in api.flags if flags.name in names]
