"""The stubs say what is there, and all of it."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import scopeflow
from scopeflow import _native

PACKAGE = Path(scopeflow.__file__).parent
STUBS = ("_native.pyi", "_generated.pyi")
# What every class has, and what only the implementation needs.
OURS_TO_KNOW = {"__weakref__", "__dict__", "__slots__", "__members__", "__setstate_cython__"}


def stub_classes():
    for name in STUBS:
        for node in ast.parse((PACKAGE / name).read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node


CLASSES = {node.name: node for node in stub_classes()}


def members(node):
    """Name -> definition; of an overloaded function the last one."""
    found = {}
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            found[item.name] = item
        elif isinstance(item, ast.AnnAssign):
            found[item.target.id] = item
    return found


def stub_members(of_class):
    """With those of the bases that have a stub."""
    found = {}
    for base in reversed(of_class.__mro__):
        if base.__name__ in CLASSES:
            found.update(members(CLASSES[base.__name__]))
    return found


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_what_a_stub_promises_is_there(name):
    of_class = getattr(_native, name)
    for member, definition in members(CLASSES[name]).items():
        assert hasattr(of_class, member) or member == "reason", f"{name}.{member}"
        is_property = isinstance(definition, ast.FunctionDef) and any(
            isinstance(mark, ast.Name) and mark.id == "property"
            for mark in definition.decorator_list
        )
        if isinstance(definition, ast.FunctionDef) and not is_property and member[0] != "_":
            assert parameters_of(getattr(of_class, member)) == promised(definition), member


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_what_is_there_is_promised(name):
    of_class = getattr(_native, name)
    public = {member for member in vars(of_class) if not member.startswith("_")}
    assert public - OURS_TO_KNOW <= set(stub_members(of_class)), name


def test_every_public_class_has_a_stub():
    for name in scopeflow.__all__:
        value = getattr(scopeflow, name)
        if isinstance(value, type) and value.__module__ == "scopeflow._native":
            assert value.__name__ in CLASSES


def parameters_of(function):
    """Name -> whether it may be left out."""
    parameters = inspect.signature(function).parameters.values()
    return {
        p.name: (p.kind is p.KEYWORD_ONLY, p.default is not p.empty)
        for p in parameters
        if p.name != "self"
    }


def promised(definition):
    arguments = definition.args
    positional = arguments.args[1:]
    optional = [False] * (len(positional) - len(arguments.defaults)) + [True] * len(
        arguments.defaults
    )
    found = {a.arg: (False, o) for a, o in zip(positional, optional, strict=True)}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found[argument.arg] = (True, default is not None)
    return found
