"""C, the inside of the core: what the codecs' maps say, as tables."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen.codecs import CodecMap
from spec.gen.model import Api
from spec.gen.names import upper
from spec.gen.render import Output

_SRC = "native/src/codec"


@dataclass(frozen=True)
class Row:
    """An array of texts, or of what is made of them."""

    name: str
    type: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """What stands in the table of maps for one provider."""

    doc: str
    members: tuple[str, ...]


def outputs(api: Api) -> list[Output]:
    if api.codec_maps is None:
        return []
    maps = api.codec_maps
    request_members = _members(api, "annotated_llm_request")
    response_members = _members(api, "annotated_llm_response")
    rows = [row for one in maps.maps for row in _rows(one)]
    rows.append(_texts("scopeflow__request_members", request_members))
    rows.append(_texts("scopeflow__response_members", response_members))
    context = {
        "count": len(maps.maps),
        "request_member_count": len(request_members),
        "response_member_count": len(response_members),
        "rows": rows[:-2],
        "members": rows[-2:],
        "maps": [_entry(one) for one in maps.maps],
    }
    return [
        Output(f"{_SRC}/maps.gen.h", "codec_maps.gen.h.j2", context),
        Output(f"{_SRC}/maps.gen.c", "codec_maps.gen.c.j2", context),
    ]


def _members(api: Api, name: str) -> tuple[str, ...]:
    form = next(form for form in api.codec_forms if form.name == name)
    return tuple(member.name for member in form.members)


def _text(text: str) -> str:
    return f'{{"{text}", {len(text)}}}'


def _texts(name: str, texts: tuple[str, ...]) -> Row:
    return Row(name, "scopeflow_bytes", tuple(_text(text) for text in texts))


def _renames(name: str, pairs: tuple[tuple[str, str], ...]) -> Row:
    items = tuple(f"{{{_text(key)}, {_text(to)}}}" for key, to in pairs)
    return Row(name, "scopeflow__codec_rename", items)


def _rows(one: CodecMap) -> list[Row]:
    fields = tuple(
        f"{{{_text(f.key)}, {_text(f.parent)}, {_text(f.to)}, "
        f"SCOPEFLOW__CODEC_GROUP_{upper(f.group)}}}"
        for f in one.fields
    )
    rows = [
        Row(f"{one.name}_fields", "scopeflow__codec_field", fields),
        _texts(f"{one.name}_own", one.own),
        _renames(f"{one.name}_parts", one.parts),
        _renames(f"{one.name}_finish", one.finish),
        _texts(f"{one.name}_marks", one.marks),
        _texts(f"{one.name}_read", one.read),
        _texts(f"{one.name}_response_own", one.response_own),
    ]
    return [row for row in rows if row.cells]


def _entry(one: CodecMap) -> Entry:
    def row(suffix: str, items: tuple) -> str:
        return f"{one.name}_{suffix}, {len(items)}" if items else "NULL, 0"

    return Entry(
        one.title,
        (
            _text(one.name),
            _text(one.title),
            row("fields", one.fields),
            row("own", one.own),
            row("parts", one.parts),
            row("finish", one.finish),
            row("marks", one.marks),
            row("read", one.read),
            row("response_own", one.response_own),
            _text(one.id_key),
            _text(one.model_key),
        ),
    )
