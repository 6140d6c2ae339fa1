"""Constants, errors, structs and functional options: all that needs no C."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen.model import Api, Argument, Operation, Type
from spec.gen.names import camel, pascal, words

from . import spelling


@dataclass(frozen=True)
class Constant:
    doc: str
    name: str
    value: str
    text: str  # as the spec writes it


@dataclass(frozen=True)
class Enumeration:
    """An enum or, where `is_flags`, a set of bits."""

    doc: str
    type: str
    integer: str
    is_flags: bool
    receiver: str
    members: tuple[Constant, ...]


@dataclass(frozen=True)
class Member:
    doc: str
    name: str
    type: str


@dataclass(frozen=True)
class Struct:
    doc: str
    type: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Arguments:
    """The arguments of an operation whose options are functional: a Go struct, its defaults and
    the interface of its options."""

    doc: str
    type: str
    option_type: str
    has_options: bool
    user: str  # the function that takes them
    apply: str
    members: tuple[Member, ...]
    defaults: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Setter:
    """How an option is applied to one operation's arguments."""

    apply: str
    arguments: str
    field: str
    value: str


@dataclass(frozen=True)
class Option:
    doc: tuple[str, ...]
    name: str
    type: str
    value_name: str
    value_type: str
    setters: tuple[Setter, ...]


def enumerations(api: Api) -> list[Enumeration]:
    found = []
    for enum in api.enums:
        members = _constants(enum.name, enum.values)
        found.append(_enumeration(enum, "int32", False, members))
    for flags in api.flags:
        members = _constants(flags.name, flags.bits)
        found.append(_enumeration(flags, "uint32", True, members))
    return found


def _enumeration(item, integer: str, is_flags: bool, members: tuple) -> Enumeration:
    name = spelling.type_name(item.name)
    return Enumeration(item.doc, name, integer, is_flags, camel(item.name)[0], members)


def _constants(kind: str, values) -> tuple[Constant, ...]:
    return tuple(
        Constant(v.doc, spelling.constant(kind, v.name), str(v.value), v.name) for v in values
    )


def statuses(api: Api) -> list[Constant]:
    return [
        Constant(s.doc, "Status" + spelling.exported(s.name), str(s.value), s.name)
        for s in api.statuses
    ]


def sentinels(api: Api) -> list[Constant]:
    return [
        Constant(
            e.doc,
            "Err" + spelling.exported(e.name),
            "Status" + spelling.exported(e.name),
            words(e.name),
        )
        for e in api.errors
    ]


def constants(api: Api) -> list[Constant]:
    """Limits and markers of absence; integers without a type."""
    return [
        Constant(
            c.doc, spelling.unexported(f"{c.name}_{c.unit}" if c.unit else c.name), str(c.value), ""
        )
        for c in api.constants
    ]


def structs(api: Api) -> list[Struct]:
    return [
        Struct(
            s.doc,
            spelling.type_name(s.name),
            tuple(
                Member(f.doc, spelling.field_name(f), spelling.go_type(f.type)) for f in s.fields
            ),
        )
        for s in spelling.structs_out(api)
    ]


# --- Options ---


def with_arguments(api: Api) -> list[Operation]:
    return [op for op in api.operations if op.kind in ("constructor", "task")]


def arguments_type(operation: Operation) -> str:
    return camel(operation.id) + "Arguments"


def given(operation: Operation) -> list[Argument]:
    """What Go code gives: all but the managed arguments and the host's table."""
    return [
        a
        for a in operation.arguments
        if a.name not in spelling.MANAGED_ARGUMENTS and a.type.kind != "host"
    ]


def arguments(api: Api) -> list[Arguments]:
    return [
        Arguments(
            doc=f"{arguments_type(op)} is what `{op.id}` is given besides the context.",
            type=arguments_type(op),
            option_type=option_type(op),
            has_options=any(not a.is_required for a in given(op)),
            user=spelling.GO_NAMES.get(op.id, pascal(op.id)),
            apply="apply" + pascal(op.id),
            members=tuple(
                Member(a.doc, spelling.local(a.name), spelling.value_type(api, a))
                for a in given(op)
            ),
            defaults=tuple(
                (spelling.local(a.name), default(api, a))
                for a in given(op)
                if a.default not in (None, 0) or a.type.kind == "timestamp"
            ),
        )
        for op in with_arguments(api)
    ]


def option_type(operation: Operation) -> str:
    return spelling.OPTION_TYPES.get(operation.id, pascal(operation.id) + "Option")


def default(api: Api, argument: Argument) -> str:
    if argument.type.kind == "timestamp":
        return "timestampNone"
    if argument.type.kind == "enum":
        return spelling.constant(argument.type.name, str(argument.default))
    return str(argument.default)


def options(api: Api) -> list[Option]:
    """One for each optional argument; those of one name and type share one."""
    groups: dict[str, list[tuple[Operation, Argument]]] = {}
    for operation in with_arguments(api):
        for argument in given(operation):
            if is_option(operation, argument):
                groups.setdefault(argument.name, []).append((operation, argument))
    found = []
    for name, uses in groups.items():
        if len({(a.type, _is_internal(op, a)) for op, a in uses}) == 1:
            found.append(_option(api, name, uses))
        else:
            found += [_option(api, f"{module}_{name}", own) for module, own in _by_module(uses)]
    return found


def _by_module(uses: list[tuple[Operation, Argument]]):
    modules = list(dict.fromkeys(op.module for op, _ in uses))
    return [(module, [(op, a) for op, a in uses if op.module == module]) for module in modules]


def is_option(operation: Operation, argument: Argument) -> bool:
    if (operation.id, argument.name) in spelling.POSITIONAL:
        return False
    return argument.optional or argument.default is not None


def option_name(api: Api, operation: Operation, argument: Argument) -> str:
    """The function that makes the option."""
    apply = "apply" + pascal(operation.id)
    field = spelling.local(argument.name)
    return next(
        o.name
        for o in options(api)
        if any(s.apply == apply and s.field == field for s in o.setters)
    )


def _is_internal(operation: Operation, argument: Argument) -> bool:
    return (operation.id, argument.name) in spelling.INTERNAL_OPTIONS


def _option(api: Api, name: str, uses: list[tuple[Operation, Argument]]) -> Option:
    argument = uses[0][1]
    prefix = "with" if _is_internal(*uses[0]) else "With"
    users = [spelling.GO_NAMES.get(op.id, pascal(op.id)) for op, _ in uses]
    unit = f" in {argument.unit}" if argument.unit else ""
    doc = [f"{prefix}{spelling.exported(name)} sets the {words(name)}{unit} of {_listed(users)}."]
    doc += [f"{user}: {a.doc}" for user, (_, a) in zip(users, uses, strict=True)]
    value_type, value = _setter_value(spelling.value_type(api, argument), argument.type)
    return Option(
        doc=tuple(doc),
        name=prefix + spelling.exported(name),
        type=(camel(name) if prefix == "with" else spelling.exported(name)) + "Option",
        value_name=spelling.local(argument.name) if argument.name != "type" else "kind",
        value_type=value_type,
        setters=tuple(
            Setter("apply" + pascal(op.id), arguments_type(op), spelling.local(a.name), value)
            for op, a in uses
        ),
    )


def _setter_value(value_type: str, kind: Type) -> tuple[str, str]:
    """What the option takes, and what it stores. A time is Go's own; a text's address says that it
    was given, and so does a mark in the place of a nil payload."""
    if kind.kind == "timestamp":
        return "time.Time", "o.value.UnixNano()"
    if value_type == "*string":
        return "string", "&o.value"
    if kind.kind == "payload":
        return value_type, "givenPayload(o.value)"
    return value_type, "o.value"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
