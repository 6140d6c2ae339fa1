"""A folder of YAML files -> the model, with every check on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema

from .build import build
from .check import check
from .examples import Example
from .loader import Document, SpecError, load
from .model import Api

SCHEMAS = Path(__file__).parent.parent / "schema"


def read_api(spec: Path) -> Api:
    """The model of `spec`/api/*.yaml, `spec`/examples and the version in `spec`/../VERSION.

    Raises SpecError with a line `file:line: message` for each problem.
    """
    documents = read_documents(spec / "api")
    check(documents)
    version = (spec.parent / "VERSION").read_text(encoding="utf-8").strip()
    return replace(build(documents, version), examples=read_examples(spec / "examples"))


def read_examples(folder: Path) -> tuple[Example, ...]:
    """Those of every language that has a folder of them. Two may not be about the same."""
    found: dict[tuple[str, str, str], Example] = {}
    for path in sorted(folder.glob("*/*.yaml")):
        document = load(path)
        _validate(document, "examples.schema.json")
        for section, items in document.data.items():
            for name, item in items.items():
                key = (path.parent.name, section, name)
                if key in found:
                    where = document.where((section, name))
                    raise SpecError(f"{where}: {section}/{name} has an example already")
                parts = {"session": item} if isinstance(item, str) else item
                found[key] = Example(*key, **{p: text.rstrip("\n") for p, text in parts.items()})
    return tuple(found.values())


def read_documents(folder: Path) -> list[Document]:
    """The modules in the order of index.yaml, each valid by its schema."""
    index = load(folder / "index.yaml")
    _validate(index, "index.schema.json")
    names = index.data["modules"]
    files = {path.stem for path in folder.glob("*.yaml")} - {"index"}
    for name in sorted(files - set(names)):
        raise SpecError(f"{index.where(('modules',))}: the module `{name}` is not listed")
    for i, name in enumerate(names):
        if name not in files:
            raise SpecError(f"{index.where(('modules', i))}: there is no {name}.yaml")
    documents = [load(folder / f"{name}.yaml") for name in names]
    for document in documents:
        _validate(document, "module.schema.json")
    return documents


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / schema).read_text("utf-8")))


def _validate(document: Document, schema: str) -> None:
    errors = sorted(_validator(schema).iter_errors(document.data), key=lambda e: list(e.path))
    if errors:
        raise SpecError("\n".join(_message(document, error) for error in errors))


def _message(document: Document, error: jsonschema.ValidationError) -> str:
    path = tuple(error.absolute_path)
    if error.validator == "not":
        return f"{document.where(path)}: a doc has no TODO, comment sign or backslash"
    if error.validator == "pattern" and path and path[-1] == "doc":
        return f"{document.where(path)}: a doc is made of full sentences, with a full stop"
    place = "/".join(str(part) for part in path)
    return f"{document.where(path)}: {place}: {error.message}"
