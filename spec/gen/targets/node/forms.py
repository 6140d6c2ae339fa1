"""TypeScript: the objects of the codecs' common form, which are plain ones there."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen.codecs import CodecForm, CodecMember
from spec.gen.model import Api
from spec.gen.names import pascal
from spec.gen.render import Output

from .shared import Member


@dataclass(frozen=True)
class Form:
    doc: str
    name: str
    members: tuple[Member, ...]


TYPES = {
    "text": "string",
    "integer": "number",
    "number": "number",
    "bool": "boolean",
    "object": "Record<string, unknown>",
    "any": "unknown",
    "content": "string | ContentPart[]",
}


def outputs(api: Api) -> list[Output]:
    if not api.codec_forms:
        return []
    context = {"forms": [_form(form) for form in api.codec_forms]}
    return [Output("node/src/codec-forms.gen.ts", "codec-forms.gen.ts.j2", context)]


def _form(form: CodecForm) -> Form:
    return Form(form.doc, pascal(form.name), tuple(map(_member, form.members)))


def _member(member: CodecMember) -> Member:
    mark = "" if member.is_always else "?"
    return Member(member.doc, f"{member.name}{mark}", _type(member))


def _type(member: CodecMember) -> str:
    if member.kind == "form":
        return f"{pascal(member.of)} | null"
    if member.kind == "list":
        of = "string" if member.of == "text" else pascal(member.of)
        return f"{of}[]" if member.is_always else f"{of}[] | null"
    return TYPES[member.kind] + ("" if member.kind == "any" else " | null")
