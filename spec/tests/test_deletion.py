"""Deleting an operation or a registry from the YAML deletes every trace of it in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spec.gen.names import camel, pascal, upper
from spec.gen.render import render
from spec.gen.spec import read_api

from .conftest import ROOT

LANGUAGES = ("native/", "python/", "node/", "wasm/", "go/", "docs/", "spec/api.json")
# Its line, and the more deeply indented ones under it.
ITEM = r"\n  {name}:.*(\n   +.*)*"
REGISTRY = "tool_conditional_execution_guardrail"
OPERATIONS = {
    "event_seal": ("event", "seal"),
    "scope_describe": ("scope", "describe"),
    "scope_is_open": ("scope", "is_open"),
    "tool_execute": ("tool", "execute"),
}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return generated(ROOT / "spec")


def generated(spec: Path) -> dict[str, str]:
    """All generated files but the amalgamation, which carries the hand-written core."""
    return {p: t for p, t in render(read_api(spec)).items() if "amalgamation" not in p}


def traces(texts: dict[str, str], name: str) -> list[str]:
    """The files in which a name stands, in any language's spelling."""
    spellings = {name, camel(name), pascal(name), upper(name)}
    pattern = re.compile("|".join(rf"(?<![a-z]){re.escape(s)}(?![a-z])" for s in spellings))
    return [path for path, text in texts.items() if pattern.search(text)]


def delete(spec: Path, module: str, section: str, name: str) -> None:
    """Takes one item out of a module. A section that is then empty goes too."""
    path = spec / "api" / f"{module}.yaml"
    text = path.read_text("utf-8")
    start = text.index(f"\n{section}:\n")
    rest = re.sub(ITEM.format(name=name), "", text[start:], count=1)
    assert rest != text[start:], f"{module}.{section} has no {name}"
    rest = re.sub(rf"\A\n{section}:\n*(?=\Z|\n\S)", "", rest)
    path.write_text(text[:start] + rest, "utf-8")


def delete_examples(spec: Path, name: str) -> None:
    """Takes out all examples that are of something or use it."""
    for path in spec.glob("examples/*/*.yaml"):
        text = path.read_text("utf-8")
        items = re.finditer(ITEM.format(name=r"\w+"), text)
        for item in [item[0] for item in items if name in item[0]]:
            text = text.replace(item, "")
        path.write_text(text, "utf-8")


def take_out_of_table(spec: Path, operation: str) -> None:
    """The function table names operations of other modules."""
    path = spec / "api" / "native.yaml"
    path.write_text(path.read_text("utf-8").replace(f"    - {operation}\n", ""), "utf-8")


def assert_known_in_every_language(texts: dict[str, str], name: str) -> None:
    found = traces(texts, name)
    for language in LANGUAGES:
        assert any(path.startswith(language) for path in found), f"no {name} in {language}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_leaves_no_trace(operation, spec, before):
    assert_known_in_every_language(before, operation)
    module, name = OPERATIONS[operation]
    delete(spec, module, "operations", name)
    delete_examples(spec, operation)
    take_out_of_table(spec, operation)
    assert traces(generated(spec), operation) == []


def test_a_registry_leaves_no_trace(spec, before):
    assert_known_in_every_language(before, f"scope_deregister_{REGISTRY}")
    delete(spec, "middleware", "registries", REGISTRY)
    delete_examples(spec, REGISTRY)
    after = generated(spec)
    assert traces(after, REGISTRY) == []
    assert traces(after, "register_subscriber"), "the other registry stays"
