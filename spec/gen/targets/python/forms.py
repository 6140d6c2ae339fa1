"""Python: the objects of the codecs' common form, dicts that have their members as attributes."""

from __future__ import annotations

from spec.gen.codecs import CodecForm, CodecMember
from spec.gen.model import Api
from spec.gen.render import Output

from . import examples, shape
from .docstrings import of_type

# What the types of attributes are called in `_views.py`.
TYPES = {
    "text": "Text",
    "integer": "Integer",
    "number": "Number",
    "bool": "Bool",
    "object": "Object",
    "any": "Anything",
}


def outputs(api: Api) -> list[Output]:
    if not api.codec_forms:
        return []
    ordered = _in_order({form.name: form for form in api.codec_forms})
    context = {
        "forms": [_context(api, form) for form in ordered],
        "names": sorted(shape.form_class(name) for name in shape.view_forms(api)),
    }
    return [
        Output("python/scopeflow/_forms.py", "forms.py.j2", context, (api.codec_forms[0].module,))
    ]


def _in_order(forms: dict[str, CodecForm]) -> list[CodecForm]:
    """Each behind those that its members are of."""
    ordered: dict[str, CodecForm] = {}

    def add(name: str) -> None:
        form = forms[name]
        for member in form.members:
            needed = "content_part" if member.kind == "content" else member.of
            if needed in forms and needed not in ordered:
                add(needed)
        ordered[name] = form

    for name in forms:
        if name not in ordered:
            add(name)
    return list(ordered.values())


def _context(api: Api, form: CodecForm) -> dict:
    is_base = form.name in shape.FORM_BASES
    session = "" if is_base else examples.session(api, "forms", form.name)
    rows = [(member.name, member.doc) for member in form.members]
    return {
        "name": shape.form_class(form.name),
        "doc": form.doc if is_base else of_type(form.doc, session, rows),
        "members": [(member.name, _type(member), _made(member)) for member in form.members],
    }


def _type(member: CodecMember) -> str:
    """The type of the attribute."""
    if member.kind == "content":
        return "Content[ContentPart]"
    if member.kind == "form":
        return f"One[{shape.form_class(member.of)}]"
    if member.kind == "list":
        several = "Several" if member.is_always else "Perhaps"
        return "Texts" if member.of == "text" else f"{several}[{shape.form_class(member.of)}]"
    return TYPES[member.kind]


def _made(member: CodecMember) -> str:
    """How the attribute is made."""
    if member.kind == "content":
        return f'ListMember("{member.name}", ContentPart)'
    if member.kind == "form":
        return f'FormMember("{member.name}", {shape.form_class(member.of)})'
    if member.kind == "list" and member.of != "text":
        return f'ListMember("{member.name}", {shape.form_class(member.of)})'
    return f'Member("{member.name}")'
