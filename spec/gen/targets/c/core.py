"""C, the inside of the core: tables of names, argument checks, operations of registries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Argument, Flags, Operation
from spec.gen.names import upper, words
from spec.gen.text import fill

WIDTH = 100
INTERNAL = "SCOPEFLOW__"


@dataclass(frozen=True)
class Text:
    """`#define name "text"`."""

    name: str
    text: str


@dataclass(frozen=True)
class Number:
    name: str
    value: str


@dataclass(frozen=True)
class Table:
    """`extern const char *const name[length]`; an empty string where an index has no text."""

    doc: str
    name: str
    length: int
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    number: str
    name: str
    prefix: str


@dataclass(frozen=True)
class Check:
    """The argument checks of one operation: each condition with what is said where it fails."""

    signature: str
    unused: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Body:
    """A generated operation of a registry: its signature, its check, and the call that it makes."""

    signature: str
    check: str
    owner: str
    call: str


def names_context(api: Api) -> dict:
    return {
        "keys": keys(api),
        "masks": masks(api),
        "limits": [number for op in api.operations for number in limits(op)],
        "categories": categories(api),
        "tables": tables(api),
        "accepts_async": accepts_async(api),
        "statuses": [
            Case(cabi.value_name("status", s.name), s.name, words(s.name)) for s in api.statuses
        ],
    }


def masks(api: Api) -> list[Number]:
    return [Number(f"{INTERNAL}MASK_{upper(f.name)}", f"{f.mask:#x}u") for f in api.flags]


def keys(api: Api) -> list[Text]:
    """The texts of the wire: event keys, metadata keys and payload markers."""
    found = []
    if api.wire is not None:
        wire = api.wire
        order = dict.fromkeys(
            (*wire.common, *wire.scope, *wire.mark, *wire.profile, *wire.annotations, *wire.notes)
        )
        found += [Text(f"{INTERNAL}KEY_{upper(key)}", key) for key in order]
        found += [Text(f"{INTERNAL}KEY_{upper(k.name)}", k.key) for k in wire.metadata]
        found.append(Text(f"{INTERNAL}ATOF_VERSION", wire.version))
    if api.encodings is not None:
        markers = api.encodings.markers
        found += [Text(f"{INTERNAL}MARKER_{upper(m.name)}", m.key) for m in markers]
    return found


def limits(operation: Operation) -> list[Number]:
    """The defaults and ranges of integer arguments."""
    found = []
    for argument in operation.arguments:
        name = f"{INTERNAL}{upper(operation.id)}_{upper(cabi.member_name(argument))}"
        if argument.default is not None and argument.type.kind in ("i32", "u32", "i64", "u64"):
            found.append(Number(f"{name}_DEFAULT", integer(argument.default, argument)))
        if argument.range is not None:
            found.append(Number(f"{name}_MIN", integer(argument.range[0], argument)))
            found.append(Number(f"{name}_MAX", integer(argument.range[1], argument)))
    return found


def integer(value: int, argument: Argument) -> str:
    suffix = "u" if argument.type.kind.startswith("u") else ""
    wide = "ll" if argument.type.kind.endswith("64") else ""
    return f"{value}{suffix}{wide}"


def categories(api: Api) -> tuple[str, ...]:
    if api.wire is None:
        return ()
    return tuple(value.name for value in api.enum(api.wire.categories).values)


def tables(api: Api) -> list[Table]:
    found = []
    if api.wire is not None:
        names = categories(api)
        doc = "The categories of scopes; the index is the scope's type (S1.1)."
        found.append(Table(doc, "scopeflow__category_names", len(names), names))
        headers = api.wire.credential_headers
        doc = "The headers that observers never see, unless the runtime is given others (S3.6)."
        found.append(Table(doc, "scopeflow__credential_headers", len(headers), headers))
    for flags in api.flags:
        if flags.wire:
            found.append(flag_table(flags))
    if api.registries:
        titles = indexed({r.value: r.title for r in api.registries})
        doc = "What a registry is called in a message; the index is its number."
        found.append(Table(doc, "scopeflow__registry_titles", len(titles), titles))
    return found


def accepts_async(api: Api) -> list[str]:
    accepting = {r.value for r in api.registries if r.accepts_async}
    length = 1 + max((r.value for r in api.registries), default=0)
    return ["true" if i in accepting else "false" for i in range(length)]


def flag_table(flags: Flags) -> Table:
    names = indexed({bit.value.bit_length() - 1: bit.name for bit in flags.bits})
    doc = f"The names of the flags `{flags.name}` in events; the index is the bit's number."
    return Table(doc, f"scopeflow__{flags.name}_names", len(names), names)


def indexed(texts: dict[int, str]) -> tuple[str, ...]:
    return tuple(texts.get(i, "") for i in range(max(texts) + 1))


def checks_context(api: Api) -> dict:
    return {"checks": [check(api, c) for c in cabi.functions(api) if c.is_fallible]}


def check(api: Api, c: cabi.CFunction) -> Check:
    conditions = [
        (f"{p.name} != NULL", f"{p.name} must not be null")
        for p in c.parameters
        if p.type.endswith("*") and p.name not in ("out_error", "host")
    ]
    if cabi.has_options(c.operation):
        conditions.append(
            (
                "options->struct_size_bytes >= sizeof *options",
                "options.struct_size_bytes is too small for this version",
            )
        )
        for member in cabi.options_members(c.operation)[1:]:
            conditions += value_conditions(api, f"options->{member.name}", member.source)
    else:
        for parameter in c.parameters:
            if parameter.source is not None:
                conditions += value_conditions(api, parameter.name, parameter.source)
    text = " ".join(condition for condition, _ in conditions)
    unused = tuple(p.name for p in c.parameters if not re.search(rf"\b{p.name}\b", text))
    name = c.name.replace(cabi.PREFIX, "scopeflow__check_", 1)
    unused = tuple(name for name in unused if name != "out_error" or not conditions)
    return Check(signature("static inline scopeflow_status", name, c), unused, tuple(conditions))


def value_conditions(api: Api, place: str, argument: Argument) -> list[tuple[str, str]]:
    """What must hold for one argument, whatever the operation does."""
    name = cabi.member_name(argument)
    kind = argument.type.kind
    if kind in ("string", "bytes"):
        return [(f"{place}.ptr != NULL || {place}.len == 0", f"{name} is null but has a length")]
    if kind == "enum":
        values = sorted(v.value for v in api.enum(argument.type.name).values)
        title = words(argument.type.name)
        return [(_among(place, values), f"{name} is no {title}")]
    if kind == "flags":
        mask = f"{INTERNAL}MASK_{upper(argument.type.name)}"
        text = f"{name} has a bit that no {words(argument.type.name)} has"
        return [(f"({place} & ~{mask}) == 0", text)]
    if argument.range is not None:
        low, high = argument.range
        text = f"{name} is not from {low} to {high}"
        most = (f"{place} <= {integer(high, argument)}", text)
        least = (f"{place} >= {integer(low, argument)}", text)
        return [most] if low == 0 and kind.startswith("u") else [least, most]
    return []


def _among(place: str, values: list[int]) -> str:
    """A comparison for each row of values without a gap."""
    starts = [v for v in values if v - 1 not in values]
    ends = [v for v in values if v + 1 not in values]
    rows = [
        f"{place} >= {low} && {place} <= {high}" for low, high in zip(starts, ends, strict=True)
    ]
    return rows[0] if len(rows) == 1 else " || ".join(f"({row})" for row in rows)


def signature(returns: str, name: str, c: cabi.CFunction) -> str:
    line = f"{returns} {name}({', '.join(p.declaration for p in c.parameters)})"
    if len(line) + 2 <= WIDTH:
        return line
    parameters = fill([p.declaration for p in c.parameters], WIDTH - 4 - len(") {"))
    blank = " " if len(returns) + len(name) + 2 <= WIDTH else "\n"
    return f"{returns}{blank}{name}(\n    " + "\n    ".join(parameters) + ")"


def registries_context(api: Api) -> dict:
    return {"bodies": [body(op) for op in api.operations if op.registry]}


def body(operation: Operation) -> Body:
    c = cabi.function(operation)
    given = {a.name: cabi.member_name(a) for a in operation.arguments}
    kind = cabi.value_name("registry", operation.registry)
    if operation.action == "register":
        passed = [given["name"], given.get("priority", "0"), given["callable"], given["flags"]]
        function = "scopeflow__registry_add"
        if "registration" in given:
            passed = [given[n] for n in ("name", "kinds", "registration", "callable", "flags")]
            function = "scopeflow__registry_add_gate"
    else:
        passed = [given["name"], f"out_{operation.out.name}"]
        function = "scopeflow__registry_remove"
    check_name = c.name.replace(cabi.PREFIX, "scopeflow__check_", 1)
    return Body(
        signature=signature(c.returns, c.name, c),
        check=call(check_name, [p.name for p in c.parameters]),
        owner="self, NULL" if operation.on.name == "runtime" else "NULL, self",
        call=call(function, ["owner", kind, *passed, "out_error"]),
    )


def call(name: str, arguments: list[str]) -> str:
    """On one line where it fits behind 8 columns, else the arguments on lines of their own."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) < WIDTH - 8:
        return line
    return f"{name}(\n            " + "\n            ".join(fill(arguments, WIDTH - 14)) + ")"
