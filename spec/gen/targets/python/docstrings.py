"""Python: what a generated method says of itself: its use, its parameters, errors, an example."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from spec.gen.model import Api, Operation
from spec.gen.text import sentence_wrap

from . import examples, shape

if TYPE_CHECKING:
    from .operations import Parameter

ERROR_DOC = "Raises {}."
INDENT = 8 * " "
WIDTH = 96 - len(INDENT)
# Parameters whose docs no spec has: what the binding makes of a handle, and of flags.
OWN_DOCS = {
    "break_chain": "Once it has succeeded, no later one runs (S3.5).",
    "kinds": "Names of registries, such as `tool_request_intercept`, but not those of observers.",
    "scope_handle": "The scope, which is open.",
}


def docstring(api: Api, op: Operation, parameters: list[Parameter]) -> str:
    """The text between the quotes of a method."""
    blocks = [sentence_wrap(op.doc, WIDTH), parameter_lines(parameters), errors_of(api, op)]
    blocks.append(code(examples.of_operation(api, op)))
    text = "\n\n".join("\n".join(lines) for lines in blocks if lines)
    end = f"\n{INDENT}" if "\n" in text else ""
    return textwrap.indent(text, INDENT).strip() + end


def of_type(doc: str, session: str, members: list[tuple[str, str]] | None = None) -> str:
    """The text between the quotes of a class; a member is what it is called, and its doc."""
    indent = INDENT[4:]
    blocks = [sentence_wrap(doc, WIDTH)]
    blocks.append([line for name, text in members or [] for line in hanging(f"{name}: {text}")])
    blocks.append(code(session))
    text = "\n\n".join("\n".join(lines) for lines in blocks if lines)
    return textwrap.indent(text, indent).strip() + f"\n{indent}"


def code(session: str) -> list[str]:
    """An example's lines, as they stand between quotes."""
    return session.replace("\\", r"\\").splitlines()


def hanging(text: str) -> list[str]:
    """Its lines, all but the first indented."""
    first, *rest = sentence_wrap(text, WIDTH - 4)
    return [first, *(f"    {line}" for line in rest)]


def parameter_lines(parameters: list[Parameter]) -> list[str]:
    return [line for p in parameters for line in hanging(f"{p.name}: {_said_of(p)}")]


def _said_of(parameter: Parameter) -> str:
    doc = OWN_DOCS.get(parameter.name, parameter.doc)
    # The shape of a callable stands in its doc, that of the others in their type.
    kind = "" if parameter.hint.startswith("Callable") else f"{parameter.hint}. "
    default = f" {parameter.default} by default." if parameter.default not in (None, "None") else ""
    return f"{kind}{doc}{default}"


def errors_of(api: Api, op: Operation) -> list[str]:
    errors = [
        shape.error_class(name)
        for name in sorted(op.errors, key=lambda name: api.error(name).value)
        if name not in ("no_memory", "internal")
    ]
    return sentence_wrap(ERROR_DOC.format(", ".join(errors)), WIDTH) if errors else []
