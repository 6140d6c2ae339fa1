"""docs/reference: what the API is and does, for people, in no language's spelling."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import prose
from spec.gen.codecs import CodecMember
from spec.gen.model import Api, Argument, Callback, Constant, Module, Operation, Type, Value
from spec.gen.render import Output

FOLDER = "docs/reference"


@dataclass(frozen=True)
class Table:
    """A list with a heading: an enum's values, a struct's fields, and so on."""

    heading: str
    doc: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Entry:
    """One operation; `facts` are sentences under a word that says what they are about."""

    id: str
    doc: str
    arguments: tuple[tuple[str, ...], ...]
    facts: tuple[tuple[str, str], ...]


def outputs(api: Api) -> list[Output]:
    index = {
        "modules": [(m.name, first_sentence(m.doc)) for m in api.modules],
        "errors": [(e.value, code(e.name), cell(e.doc)) for e in api.errors],
        "operations": [
            (link(op.module, op.id), op.kind, cell(first_sentence(op.doc))) for op in api.operations
        ],
    }
    return [
        Output(f"{FOLDER}/README.md", "index.md.j2", index),
        *(page(api, module) for module in api.modules),
    ]


def page(api: Api, module: Module) -> Output:
    context = {
        "name": module.name,
        "doc": module.doc,
        "notes": notes(module),
        "tables": tables(api, module.name),
        "operations": [entry(api, op) for op in api.of(module.name, api.operations)],
    }
    return Output(f"{FOLDER}/{module.name}.md", "module.md.j2", context, (module.name,))


def notes(module: Module) -> list[str]:
    found = []
    if module.availability == "hosted":
        found.append("Left out of builds without an operating system (WebAssembly).")
    if module.is_native:
        found.append("For code in C, or in what calls C; no other language's layer offers it.")
    return found


def tables(api: Api, module: str) -> list[Table]:
    found: list[Table] = []
    if constants := api.of(module, api.constants):
        rows = tuple((code(c.name), amount(c), cell(c.doc)) for c in constants)
        found.append(Table("Constants", "", ("name", "value", "meaning"), rows))
    for enum in api.of(module, api.enums):
        found.append(value_table(f"enum.{enum.name}", enum.doc, enum.values))
    for flags in api.of(module, api.flags):
        found.append(value_table(f"flags.{flags.name}", flags.doc, flags.bits))
    if handles := api.of(module, api.handles):
        rows = tuple((code(h.name), prose.thread_of(h), cell(h.doc)) for h in handles)
        found.append(Table("Handles", "", ("name", "thread", "meaning"), rows))
    if values := api.of(module, api.values):
        rows = tuple((code(v.name), f"{v.size} bytes", cell(v.doc)) for v in values)
        found.append(Table("Values in the caller's memory", "", ("name", "size", "meaning"), rows))
    for struct in api.of(module, api.structs):
        rows = tuple((code(f.name), kind(f.type, f.unit), cell(f.doc)) for f in struct.fields)
        found.append(Table(f"struct.{struct.name}", struct.doc, ("field", "type", "meaning"), rows))
    for form in api.of(module, api.codec_forms):
        rows = tuple((code(m.name), code(spelled(m)), cell(m.doc)) for m in form.members)
        found.append(Table(form.name, form.doc, ("member", "type", "meaning"), rows))
    if callbacks := api.of(module, api.callbacks):
        rows = tuple((code(c.name), given(c), cell(c.doc)) for c in callbacks)
        found.append(Table("Callbacks", "", ("name", "is given", "meaning"), rows))
    return found + special_tables(api, module)


def spelled(member: CodecMember) -> str:
    """The type of a member of the codecs' common form as the spec spells it."""
    return f"{member.kind}.{member.of}" if member.of else member.kind


def given(callback: Callback) -> str:
    return ", ".join(code(a.name) for a in callback.arguments)


def special_tables(api: Api, module: str) -> list[Table]:
    """What only one module has, each shown where the spec declares it."""
    found: list[Table] = []
    if api.host is not None and module == api.host.module:
        rows = tuple((code(f.name), cell(f.doc)) for f in api.host.functions)
        found.append(Table("The host's functions", api.host.doc, ("function", "meaning"), rows))
    if api.encodings is not None and module == api.encodings.module:
        encodings = api.encodings
        rows = tuple((cell(r.value), code(r.token), cell(r.note)) for r in encodings.rows)
        found.append(Table("Encodings (S2.6)", encodings.doc, ("value", "token", "note"), rows))
        rows = tuple((code(m.key), cell(m.doc)) for m in encodings.markers)
        doc = "The only member of an object that stands for a value that JSON does not have."
        found.append(Table("Markers", doc, ("key", "value"), rows))
    if api.wire is not None and module == api.wire.module:
        found += wire_tables(api)
    if api.table is not None and module == api.table.module:
        rows = tuple((code(name),) for name in api.table.functions)
        found.append(Table("The function table", api.table.doc, ("function",), rows))
    if registries := api.of(module, api.registries):
        rows = tuple(
            (str(r.value), code(r.name), yes(r.has_priority), yes(r.accepts_async), cell(r.doc))
            for r in registries
        )
        columns = ("number", "name", "has priority", "takes async", "meaning")
        found.append(Table("Registries", "", columns, rows))
    return found


def wire_tables(api: Api) -> list[Table]:
    wire = api.wire
    order = [("both", key) for key in wire.common]
    order += [("scope", key) for key in wire.scope] + [("mark", key) for key in wire.mark]
    rows = tuple((code(key), of) for of, key in order)
    profile = ", ".join(code(key) for key in (*wire.profile, *wire.annotations, *wire.notes))
    doc = f"ATOF {wire.version}. {wire.doc} Inside `category_profile`: {profile}."
    meta = tuple((code(m.key), cell(m.doc)) for m in wire.metadata)
    return [
        Table("Keys of an event", doc, ("key", "kind of event"), rows),
        Table("Keys that the runtime adds to metadata", "", ("key", "meaning"), meta),
    ]


def value_table(heading: str, doc: str, values: tuple[Value, ...]) -> Table:
    rows = tuple((code(v.name), str(v.value), cell(v.doc)) for v in values)
    return Table(heading, doc, ("name", "value", "meaning"), rows)


def entry(api: Api, operation: Operation) -> Entry:
    facts = [("Called on", code(operation.on.spelling))] if operation.on else []
    if operation.out is not None:
        kind_of = kind(operation.out.type, "")
        facts.append(("Result", f"{code(operation.out.name)} ({kind_of}). {operation.out.doc}"))
    if units := prose.units(operation):
        facts.append(("Units", ", ".join(units) + "."))
    if ownership := prose.ownership(operation, api):
        facts.append(("Ownership", " ".join(ownership)))
    facts.append(("Errors", ", ".join(prose.errors(operation, api)) or "none"))
    facts.append(("Thread", prose.thread(operation, api)))
    arguments = tuple(argument_row(a) for a in operation.arguments)
    return Entry(operation.id, operation.doc, arguments, tuple(facts))


def argument_row(argument: Argument) -> tuple[str, ...]:
    need = prose.limits(argument) or "required"
    return code(argument.name), kind(argument.type, argument.unit), need, cell(argument.doc)


def kind(of: Type, unit: str) -> str:
    return f"{code(of.spelling)}, {unit}" if unit else code(of.spelling)


def amount(constant: Constant) -> str:
    return f"{constant.value} {constant.unit}".strip()


def code(text: str) -> str:
    return f"`{text}`"


def cell(text: str) -> str:
    """A `|` would end the cell."""
    return text.replace("|", "\\|")


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def link(module: str, operation: str) -> str:
    return f"[`{operation}`]({module}.md#{operation})"


def first_sentence(text: str) -> str:
    head, _, _ = text.partition(". ")
    return head.rstrip(".") + "."
