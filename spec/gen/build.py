"""Checked documents -> the model. The registries become operations here (S3.1)."""

from __future__ import annotations

import re
from dataclasses import replace

from .codecs import codec_form, codec_maps
from .data import abi_hash
from .loader import Document
from .model import (
    Api,
    Argument,
    Callback,
    Constant,
    Enum,
    Field,
    Flags,
    Handle,
    Host,
    HostFunction,
    Module,
    Opaque,
    Operation,
    Out,
    Registry,
    Struct,
    Table,
    Type,
    Value,
)
from .text import with_article
from .wire import Encoding, Encodings, Key, Wire

_CHARS = re.compile(r"char\[(\d+)\]$")


def parse_type(text: str) -> Type:
    """`enum.token` -> Type("enum", "token"); `char[248]` -> Type("chars", "", 248)."""
    if match := _CHARS.match(text):
        return Type("chars", "", int(match[1]))
    kind, _, name = text.partition(".")
    return Type(kind, name)


def build(documents: list[Document], version: str) -> Api:
    """The model of documents that `check` has found right."""
    modules = [document.data for document in documents]
    api = Api(
        version=version,
        abi_hash=0,
        modules=tuple(_module(m) for m in modules),
        outcomes=_merged(modules, "outcomes", _value),
        errors=_merged(modules, "errors", _value),
        constants=_each(modules, "constants", _constant),
        enums=_each(modules, "enums", _enum) + _registry_enum(modules),
        flags=_each(modules, "flags", _flags),
        handles=_each(modules, "handles", lambda m, n, d: Handle(n, m, d["doc"], d["thread"])),
        values=_each(modules, "values", lambda m, n, d: Opaque(n, m, d["doc"], d["size"])),
        structs=_each(modules, "structs", _struct),
        callbacks=_each(modules, "callbacks", _callback),
        table=_only(modules, "table", lambda m, d: Table(m, d["doc"], tuple(d["functions"]))),
        host=_only(modules, "host_functions", _host),
        registries=_each(modules, "registries", _registry),
        operations=tuple(op for m in modules for op in _operations(m)),
        wire=_only(modules, "wire", _wire),
        encodings=_only(modules, "encodings", _encodings),
        codec_forms=_each(modules, "codec_forms", codec_form),
        codec_maps=_only(modules, "codec_maps", codec_maps),
    )
    return replace(api, abi_hash=abi_hash(api))


def _each(modules: list[dict], section: str, make) -> tuple:
    return tuple(
        make(m["module"], name, data) for m in modules for name, data in m.get(section, {}).items()
    )


def _merged(modules: list[dict], section: str, make) -> tuple:
    return tuple(make(name, data) for m in modules for name, data in m.get(section, {}).items())


def _only(modules: list[dict], section: str, make):
    """What one module at most declares."""
    return next((make(m["module"], m[section]) for m in modules if section in m), None)


def _module(data: dict) -> Module:
    name = data["module"]
    prefix = data.get("prefix", name)
    availability = data.get("availability", "everywhere")
    return Module(name, prefix, data["doc"], availability, data.get("audience") == "native")


def _value(name: str, data: dict) -> Value:
    return Value(name, data["value"], data["doc"])


def _values(data: dict) -> tuple[Value, ...]:
    return tuple(_value(name, value) for name, value in data.items())


def _constant(module: str, name: str, data: dict) -> Constant:
    kind = Type(data["type"])
    return Constant(name, module, kind, data.get("unit", ""), data["value"], data["doc"])


def _enum(module: str, name: str, data: dict) -> Enum:
    return Enum(name, module, data["doc"], _values(data["values"]))


def _registry_enum(modules: list[dict]) -> tuple[Enum, ...]:
    """The numbers of the registries are an enum called `registry`, of the module that has them."""
    return tuple(
        Enum("registry", m["module"], m["registration"]["doc"], _values(m["registries"]))
        for m in modules
        if "registries" in m
    )


def _flags(module: str, name: str, data: dict) -> Flags:
    return Flags(name, module, data["doc"], data.get("wire", False), _values(data["bits"]))


def _field(data: dict) -> Field:
    kind = parse_type(data["type"])
    return Field(data["name"], kind, data.get("unit", ""), data.get("doc", ""))


def _struct(module: str, name: str, data: dict) -> Struct:
    return Struct(name, module, data["doc"], tuple(_field(f) for f in data["fields"]))


def _callback(module: str, name: str, data: dict) -> Callback:
    return Callback(name, module, data["doc"], tuple(_field(a) for a in data["args"]))


def _host(module: str, data: dict) -> Host:
    functions = tuple(_host_function(name, item) for name, item in data["functions"].items())
    return Host(module, data["doc"], functions)


def _host_function(name: str, data: dict) -> HostFunction:
    arguments = tuple(_field(a) for a in data["args"])
    return HostFunction(name, parse_type(data["returns"]), arguments, data["doc"])


def _registry(module: str, name: str, data: dict) -> Registry:
    return Registry(
        name,
        module,
        data["value"],
        data["title"],
        data["doc"],
        data["priority"],
        data["async"],
        data["answer"],
        tuple(data["call_arguments"]),
        tuple(data.get("not_yet", [])),
    )


def _argument(data: dict) -> Argument:
    return Argument(
        name=data["name"],
        type=parse_type(data["type"]),
        unit=data.get("unit", ""),
        optional=data.get("optional", False),
        default=data.get("default"),
        range=tuple(data["range"]) if "range" in data else None,
        passing=data.get("pass", "borrow"),
        doc=data["doc"],
    )


def _out(data: dict | None) -> Out | None:
    if data is None:
        return None
    return Out(data["name"], parse_type(data["type"]), data.get("pass", "borrow"), data["doc"])


def _operations(module: dict):
    prefix = module.get("prefix", module["module"])
    availability = module.get("availability", "everywhere")
    for name, data in module.get("operations", {}).items():
        yield Operation(
            id=f"{prefix}_{name}",
            name=name,
            module=module["module"],
            kind=data["kind"],
            doc=data["doc"],
            on=parse_type(data["on"]) if "on" in data else None,
            arguments=tuple(_argument(a) for a in data.get("arguments", [])),
            out=_out(data.get("out")),
            result=data.get("result", ""),
            errors=tuple(data.get("errors", [])),
            availability=availability,
            not_yet=tuple(data.get("not_yet", [])),
            by_hand=tuple(data.get("by_hand", [])),
            blocks=data.get("blocks", False),
            is_native=module.get("audience") == "native",
        )
    for registry, data in module.get("registries", {}).items():
        yield from _registry_operations(module, registry, data)


def _registry_operations(module: dict, registry: str, data: dict):
    """Register and deregister, on each owner."""
    registration = module["registration"]
    for owner_name, owner in registration["owners"].items():
        for action, operation in registration["operations"].items():
            extra = data.get("register_arguments", []) if action == "register" else []
            given = operation["arguments"]
            # Behind the name, where the other things stand that say what is registered.
            arguments = tuple(_argument(a) for a in (given[0], *extra, *given[1:]))
            doc = operation["doc"].format(a_title=with_article(data["title"]), owner=owner_name)
            errors = operation["errors"]
            if action == "register":
                doc = f"{doc} {owner['doc']} {data['doc']}"
                errors = errors + owner["errors"]
            yield Operation(
                id=f"{owner['prefix']}{action}_{registry}",
                name=f"{owner['prefix']}{action}_{registry}",
                module=module["module"],
                kind="call",
                doc=doc,
                on=parse_type(owner["on"]),
                arguments=tuple(a for a in arguments if a.name != "priority" or data["priority"]),
                out=_out(operation.get("out")),
                result="",
                errors=tuple(errors),
                availability=module.get("availability", "everywhere"),
                registry=registry,
                action=action,
                not_yet=tuple(data.get("not_yet", [])),
            )


_WIRE_LISTS = ("common", "scope", "mark", "profile", "annotations", "notes", "credential_headers")


def _wire(module: str, data: dict) -> Wire:
    return Wire(
        module=module,
        doc=data["doc"],
        version=data["version"],
        categories=parse_type(data["categories"]).name,
        **{part: tuple(data[part]) for part in _WIRE_LISTS},
        metadata=_keys(data["metadata"]),
    )


def _keys(data: dict) -> tuple[Key, ...]:
    return tuple(Key(name, item["key"], item["doc"]) for name, item in data.items())


def _encodings(module: str, data: dict) -> Encodings:
    rows = tuple(Encoding(r["value"], r["token"], r.get("note", "")) for r in data["rows"])
    return Encodings(module, data["doc"], _keys(data["markers"]), rows)
