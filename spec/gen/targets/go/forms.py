"""Go: the objects of the codecs' common form, structs that lose nothing (`go/codec_form.go`)."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen.codecs import CodecForm, CodecMember
from spec.gen.model import Api
from spec.gen.render import Output

from . import spelling

_TYPES = {
    "text": "string",
    "integer": "*int64",
    "number": "*float64",
    "bool": "*bool",
    "object": "map[string]any",
    "any": "any",
    "content": "*Content",
}


@dataclass(frozen=True)
class Field:
    doc: str
    name: str
    type: str
    tag: str  # `omitzero` where it may be absent


@dataclass(frozen=True)
class Form:
    doc: str
    name: str
    receiver: str
    fields: tuple[Field, ...]


def outputs(api: Api) -> list[Output]:
    if not api.codec_forms:
        return []
    context = {"forms": [_form(form) for form in api.codec_forms]}
    return [Output("go/codec_forms.gen.go", "codec_forms.go.j2", context)]


def _form(form: CodecForm) -> Form:
    name = spelling.exported(form.name)
    doc = f"{name} is {form.doc[0].lower()}{form.doc[1:]}"
    return Form(doc, name, name[0].lower(), tuple(map(_field, form.members)))


def _field(member: CodecMember) -> Field:
    name = spelling.exported(member.name)
    tag = member.name if member.is_always else f"{member.name},omitzero"
    return Field(member.doc, name, _type(member), tag)


def _type(member: CodecMember) -> str:
    if member.kind == "form":
        return "*" + spelling.exported(member.of)
    if member.kind == "list":
        return "[]string" if member.of == "text" else "[]" + spelling.exported(member.of)
    return _TYPES[member.kind]
