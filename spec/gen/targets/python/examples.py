"""Python: what docstrings show, from spec/examples/python. A type without an example is refused."""

from __future__ import annotations

import re

from spec.gen.examples import Example
from spec.gen.model import Api, Operation
from spec.gen.render import TargetError

from . import shape

WIDTH = 88  # of a line in the docstring of a method
CALL = re.compile(r"(\w+)\.(register\w*)\((.*)\)")
OF_SCOPE = {
    "register": "register_subscriber",
    "register_injector": "register_event_metadata_injector",
}
OPEN_SCOPE = '>>> handle = scope.push("turn", ScopeType.Agent)'


def examples_of(api: Api, section: str) -> dict[str, Example]:
    """By the name in the spec."""
    return {e.name: e for e in api.examples if (e.language, e.section) == ("python", section)}


def session(api: Api, section: str, name: str) -> str:
    return examples_of(api, section)[name].session


def check(api: Api) -> None:
    """Every type that a user may meet has an example, and none is about what there is not.

    Operations and registries may do without one while they are being made; the package's tests
    ask for theirs.
    """
    types = {
        "enums": shape.user_enums(api),
        "flags": shape.user_flags(api),
        "errors": [error.name for error in api.errors],
        "structs": shape.out_structs(api),
        "handles": shape.generated_handles(api),
        "forms": shape.view_forms(api),
    }
    others = {
        "registries": [registry.name for registry in api.registries],
        "operations": [op.id for op in api.operations if shape.is_method(op) and not op.registry],
    }
    problems = []
    for section, names in {**types, **others}.items():
        given = examples_of(api, section)
        problems += [f"nothing is called {section}/{name}" for name in given if name not in names]
        if section in types:
            problems += [f"{section}/{name} has none" for name in names if name not in given]
    if problems:
        raise TargetError("spec/examples/python: " + "; ".join(problems))


def of_operation(api: Api, op: Operation) -> str:
    """A method's example, empty where there is none."""
    examples = examples_of(api, "registries" if op.registry else "operations")
    found = examples.get(op.registry or op.id)
    if found is None:
        return ""
    return _of_registry(found, op) if op.registry else found.session


def _of_registry(example: Example, op: Operation) -> str:
    is_scope = op.on.name == "scope"
    parts = [example.given]
    if is_scope:
        parts.append(OPEN_SCOPE)
    parts.append(statement(*_call(example.call, is_scope)))
    if op.action == "register":
        parts.append(example.shows)
    else:
        function, arguments = _call(example.call, is_scope, "de")
        count = 2 if is_scope else 1  # Its name, and before it the scope.
        parts += [statement(function, ", ".join(arguments.split(", ")[:count])), "True"]
    return "\n".join(parts)


def _call(text: str, is_scope: bool, prefix: str = "") -> tuple[str, str]:
    """The function and its arguments."""
    module, function, arguments = CALL.fullmatch(text).groups()
    if not is_scope:
        return f"{module}.{prefix}{function}", arguments
    return f"scope_local.{prefix}{OF_SCOPE.get(function, function)}", f"handle, {arguments}"


def statement(function: str, arguments: str) -> str:
    """A call on one line where it fits, else its arguments on a line of their own."""
    line = f">>> {function}({arguments})"
    return line if len(line) <= WIDTH else f">>> {function}(\n...     {arguments}\n... )"
