"""The pages about the Python package, made of its docstrings when the site is built.

A page for each module and one for the package itself. Whatever `__all__` lists is on its module's
page, with the types that the stubs or the sources give; what has no docstring fails the build.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import docstrings

import scopeflow
from scopeflow import _native
from scopeflow._decorators import LlmModule

PACKAGE = Path(scopeflow.__file__).parent
STUBS = ("_native.pyi", "_generated.pyi")
COLUMNS = 80

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def pages() -> dict[str, str]:
    """The Markdown of each page. Raises ValueError for all that has no docstring."""
    _undocumented.clear()
    made = {"scopeflow": page(scopeflow)}
    for name in sorted(scopeflow._MODULES):
        made[name] = page(importlib.import_module(f"scopeflow.{name}"))
    if _undocumented:
        raise ValueError(f"without a docstring: {', '.join(_undocumented)}")
    return made


def page(module: ModuleType) -> str:
    parts = [f"# `{module.__name__}`", docstrings.to_markdown(documentation(module, ""))]
    for name in module.__all__:
        value = getattr(module, name)
        if not isinstance(value, ModuleType) and is_at_home(module, value):
            parts += member(f"{module.__name__}.{name}", name, value)
    if module is scopeflow:
        parts += llm_decorator()
    return "\n\n".join(parts) + "\n"


def llm_decorator() -> Iterator[str]:
    """The module `llm` is one, too."""
    called = LlmModule.__call__
    yield "## llm"
    yield fence(written("llm", definition(LlmModule, called.__name__)))
    yield docstrings.to_markdown(documentation(called, "scopeflow.llm"))


def is_at_home(module: ModuleType, value: object) -> bool:
    """The package's own page leaves to its modules' what they have, too."""
    if module is not scopeflow:
        return True
    modules = [importlib.import_module(f"scopeflow.{name}") for name in scopeflow._MODULES]
    return not any(value is getattr(other, name) for other in modules for name in other.__all__)


def member(place: str, name: str, value: object) -> Iterator[str]:
    if inspect.isclass(value):
        yield from class_parts(place, name, value)
    elif callable(value):
        yield f"## {name}"
        yield fence(signature(name, value))
        yield docstrings.to_markdown(documentation(value, place))
    elif isinstance(value, str | int):
        yield f"## {name}"
        yield fence(f"{name} = {value!r}")
    else:
        yield f"## {name}"
        yield f"A `{type(value).__name__}`."


def class_parts(place: str, name: str, of_class: type) -> Iterator[str]:
    yield f"## {name}"
    if of_class.__name__ != name:
        yield f"Another name of `{of_class.__name__}`."
        return
    bases = [base.__name__ for base in of_class.__bases__ if base is not object]
    if bases:
        yield f"Derives from {', '.join(f'`{base}`' for base in bases)}."
    constructor = definition(of_class, "__init__") or definition(of_class, "__new__")
    if constructor:
        yield fence(written(name, constructor))
    yield docstrings.to_markdown(documentation(of_class, place))
    for attribute, value in sorted(own_members(of_class).items()):
        yield from attribute_parts(f"{place}.{attribute}", of_class, attribute, value)


def own_members(of_class: type) -> dict[str, Any]:
    """With those of bases that have no place of their own on the pages."""
    if issubclass(of_class, _native.Enumeration | _native.FlagSet):
        return {}  # The docstring lists them.
    found: dict[str, Any] = {}
    for base in reversed(of_class.__mro__):
        is_public = base is not of_class and base.__name__ in scopeflow.__all__
        if base.__module__.startswith("scopeflow") and not is_public:
            found.update(vars(base))
    return {name: value for name, value in found.items() if is_documented(name, value)}


def is_documented(name: str, value: object) -> bool:
    return name[0] != "_" and (inspect.isroutine(value) or inspect.isdatadescriptor(value))


def attribute_parts(place: str, of_class: type, name: str, value: object) -> Iterator[str]:
    yield f"### {of_class.__name__}.{name}"
    found = definition(of_class, name)
    if inspect.isroutine(value):
        yield fence(written(name, found) if found else signature(name, value))
        yield docstrings.to_markdown(documentation(value, place))
    else:
        yield fence(f"{name}: {ast.unparse(found.returns)}" if found and found.returns else name)
        # What is a plain member may be told of where the class is.
        if inspect.getdoc(value) or not re.search(rf"\b{name}\b", inspect.getdoc(of_class) or ""):
            yield docstrings.to_markdown(documentation(value, place))


_undocumented: list[str] = []


def documentation(value: object, place: str) -> str:
    text = inspect.getdoc(value)
    if not text:
        _undocumented.append(place)
    return text or ""


# --- Signatures, with the types of the stubs ---


def signature(name: str, value: Any) -> str:
    """As the source or the stub defines it, under the name by which it is called."""
    owner = getattr(value, "__self__", None)
    if isinstance(owner, scopeflow.Runtime):
        found = definition(scopeflow.Runtime, value.__name__)
    else:
        found = in_source(value)
    return written(name, found) if found else f"{name}{inspect.signature(value)}"


def definition(of_class: type, name: str) -> Definition | None:
    for base in of_class.__mro__:
        body = class_bodies().get(base.__name__, [])
        found = [item for item in body if isinstance(item, Definition) and item.name == name]
        if found:
            return found[-1]
    return None


def in_source(value: Any) -> Definition | None:
    file = PACKAGE / f"{value.__module__.rpartition('.')[2]}.py"
    body = ast.parse(file.read_text("utf-8")).body if file.is_file() else []
    found = [item for item in body if isinstance(item, Definition) and item.name == value.__name__]
    return found[-1] if found else None


_bodies: dict[str, list[ast.stmt]] = {}


def class_bodies() -> dict[str, list[ast.stmt]]:
    """Of each class, what stands in it: in the stubs, or where there is none in the sources."""
    if not _bodies:
        sources = [*PACKAGE.glob("*.py"), *(PACKAGE / name for name in STUBS)]
        for file in sources:
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    _bodies[node.name] = node.body
    return _bodies


def written(name: str, node: Definition) -> str:
    """A definition on one line, or a line for each parameter where it would be too long."""
    texts = parameter_texts(node.args)
    result = f" -> {ast.unparse(node.returns)}" if node.returns and name[0].islower() else ""
    prefix = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    line = f"{prefix}{name}({', '.join(texts)}){result}"
    if len(line) <= COLUMNS:
        return line
    lines = "".join(f"    {text},\n" for text in texts)
    return f"{prefix}{name}(\n{lines}){result}"


def parameter_texts(arguments: ast.arguments) -> list[str]:
    """Each parameter as it is written, and the marks between them; without the receiver."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    texts = [parameter_text(*pair) for pair in zip(positional, defaults, strict=True)]
    if arguments.posonlyargs:
        texts.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg or arguments.kwonlyargs:
        texts.append("*" + (parameter_text(arguments.vararg) if arguments.vararg else ""))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    texts += [parameter_text(*pair) for pair in pairs]
    if arguments.kwarg:
        texts.append("**" + parameter_text(arguments.kwarg))
    return texts[1:] if texts[:1] in (["self"], ["cls"]) else texts


def parameter_text(parameter: ast.arg, default: ast.expr | None = None) -> str:
    text = ast.unparse(parameter)
    if default is None:
        return text
    return f"{text}{' = ' if parameter.annotation else '='}{ast.unparse(default)}"


def fence(code: str) -> str:
    return f"```python\n{code}\n```"
