"""What the spec says of the payloads of model providers: which member is what in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodecMember:
    """A member of an object of the common form. `kind` is `text`, `integer`, `number`, `bool`,
    `object`, `any`, `content`, `list` or `form`, the last two with what they are of."""

    name: str
    kind: str
    of: str
    is_always: bool
    doc: str


@dataclass(frozen=True)
class CodecForm:
    name: str
    module: str
    doc: str
    members: tuple[CodecMember, ...]


@dataclass(frozen=True)
class CodecField:
    """A member of a request, inside the member `parent` or, where that is empty, at the top.
    `group` is `top` or `params`."""

    key: str
    parent: str
    group: str
    to: str


@dataclass(frozen=True)
class CodecMap:
    """One provider's. `parts` and `finish` are pairs of the provider's name and the common one."""

    name: str
    title: str
    fields: tuple[CodecField, ...]
    own: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]
    finish: tuple[tuple[str, str], ...]
    id_key: str
    model_key: str
    marks: tuple[str, ...]
    read: tuple[str, ...]
    response_own: tuple[str, ...]


@dataclass(frozen=True)
class CodecMaps:
    """`maps` in the order of the enum `codec_id`, which has `auto` before them."""

    module: str
    doc: str
    maps: tuple[CodecMap, ...]


def codec_maps(module: str, data: dict) -> CodecMaps:
    return CodecMaps(
        module,
        data["doc"],
        tuple(_map(name, one) for name, one in data["maps"].items()),
    )


def codec_form(module: str, name: str, data: dict) -> CodecForm:
    return CodecForm(
        name, module, data["doc"], tuple(_member(*one) for one in data["members"].items())
    )


def _member(name: str, data: dict) -> CodecMember:
    kind, _, of = data["type"].partition(".")
    return CodecMember(name, kind, of, data.get("always", False), data["doc"])


def _map(name: str, data: dict) -> CodecMap:
    response = data["response"]
    return CodecMap(
        name=name,
        title=data["title"],
        fields=tuple(_field(field) for field in data["request"]),
        own=tuple(data["own"]),
        parts=tuple(data.get("parts", {}).items()),
        finish=tuple(data["finish"].items()),
        id_key=response["id"],
        model_key=response["model"],
        marks=tuple(response["marks"]),
        read=tuple(response["read"]),
        response_own=tuple(response["own"]),
    )


def _field(data: dict) -> CodecField:
    group, _, name = data["to"].rpartition(".")
    return CodecField(data["key"], data.get("in", ""), group or "top", name)
