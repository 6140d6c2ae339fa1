"""Every public name has an example, and every example prints what it says."""

from __future__ import annotations

import importlib
import inspect
import types
from typing import is_typeddict

import pytest
import sessions

import scopeflow
from scopeflow import _aliases, testing
from scopeflow._decorators import LlmModule

MODULES = ("", *sorted(scopeflow._MODULES))
# What needs none, and why.
WITHOUT = {
    "scopeflow.__version__": "a text",
    "scopeflow.default_runtime": "an object, shown by its class and by all modules",
    "scopeflow.settings.NAME": "a text",
    "scopeflow.settings.PREFIX": "a text",
    "scopeflow.settings.TABLE": "a table, shown by the module",
    "scopeflow.testing.CLOCK_START": "a number",
    "scopeflow.testing.CLOCK_STEP": "a number",
}


def public_values():
    """Place -> value, of each the first place; of classes also the methods."""
    found, seen = {}, set()

    def add(place, value):
        if id(value) in seen:
            return
        seen.add(id(value))
        found[place] = value
        if inspect.isclass(value):
            for name, member in own_methods(value):
                add(f"{place}.{name}", member)

    for module_name in MODULES:
        module = importlib.import_module(f"scopeflow.{module_name}".rstrip("."))
        add(module.__name__, module)
        for name in module.__all__:
            add(f"{module.__name__}.{name}", getattr(module, name))
    add("@scopeflow.llm", LlmModule.__call__)
    for name in _aliases.__all__:  # The others have no docstring.
        if is_typeddict(getattr(_aliases, name)):
            add(f"scopeflow.{name}", getattr(_aliases, name))
    return found


def own_methods(of_class):
    """With those of bases that belong to the package, whether these are public or not."""
    for base in of_class.__mro__:
        if base.__module__.partition(".")[0] != "scopeflow":
            continue
        for name, member in vars(base).items():
            if name[0] != "_" and (inspect.isroutine(member) or is_class_bound(member)):
                yield name, getattr(of_class, name)


def is_class_bound(member):
    return isinstance(member, (staticmethod, classmethod))


def native_types():
    """Those of the compiled module that have no public name, but are seen."""
    return {
        f"scopeflow._native.{name}": value
        for name, value in vars(scopeflow._native).items()
        if inspect.isclass(value) and sessions.steps_of(inspect.getdoc(value) or "")
    }


PUBLIC = public_values()
SHOWN = {
    place: inspect.getdoc(value)
    for place, value in {**native_types(), **PUBLIC}.items()
    if place not in WITHOUT and sessions.steps_of(inspect.getdoc(value) or "")
}
# Each docstring once: many names have that of a method of Runtime.
RUNS = {doc: place for place, doc in SHOWN.items()}


@pytest.fixture
def namespace(tmp_path, monkeypatch):
    """What `import scopeflow` and `from scopeflow import *` give. Nothing of it lasts."""
    monkeypatch.chdir(tmp_path)
    with testing.isolated():
        names = {name: getattr(scopeflow, name) for name in scopeflow.__all__}
        yield {**names, "scopeflow": scopeflow, "__name__": "__main__"}


@pytest.mark.parametrize("place", RUNS.values())
def test_it_prints_what_it_says(place, namespace):
    sessions.run(SHOWN[place], namespace)


def test_every_public_name_has_one():
    lacking = [place for place in PUBLIC if place not in SHOWN and place not in WITHOUT]
    assert lacking == []


def test_the_exceptions_are_still_there():
    assert [place for place in WITHOUT if place not in PUBLIC] == []
    assert [
        place for place in WITHOUT if isinstance(PUBLIC[place], (type, types.FunctionType))
    ] == []


@pytest.mark.parametrize(
    ("doc", "problem"),
    [
        (">>> 1 + 1\n3\n", "Expected:\n    3\nGot:\n    2\n"),
        (">>> 1\n", "Expected nothing\nGot:\n    1\n"),
        (
            ">>> [][0]\nTraceback (most recent call last):\nIndexError: x\n",
            "list index out of range",
        ),
        (">>> 1 + 1\nTraceback (most recent call last):\nIndexError: x\n", "no exception"),
    ],
)
def test_one_that_says_something_else_fails(doc, problem):
    with pytest.raises(AssertionError) as caught:
        sessions.run(doc, {})
    assert problem in str(caught.value)


def test_one_that_raises_fails():
    with pytest.raises(ZeroDivisionError):
        sessions.run(">>> 1 / 0\n", {})


def test_one_may_await():
    sessions.run(">>> import asyncio\n>>> await asyncio.sleep(0, result=3)\n3\n", {})
