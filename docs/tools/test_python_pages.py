"""Docstrings become Markdown, and nothing public is left out."""

from __future__ import annotations

import inspect
from types import ModuleType

import docstrings
import pytest
import python_pages

import scopeflow

TEXT = """Does it.

    x = does(it)

    y = x

name: What it is called, at
    most that.
*args, key: The rest.
Raises TypeError for a < b.

Agent (0): Decides
    what to do.

>>> x
    3

Example:
    scopeflow tree file
"""
MARKDOWN = """Does it.

```python
x = does(it)

y = x
```

- `name`: What it is called, at
  most that.
- `*args`, `key`: The rest.

Raises TypeError for a < b.

- `Agent (0)`: Decides
  what to do.

```pycon
>>> x
    3
```

Example:

```text
scopeflow tree file
```"""


def test_a_docstring_as_markdown():
    assert docstrings.to_markdown(TEXT) == MARKDOWN


def test_what_looks_like_markup_is_text():
    assert docstrings.to_markdown("Shows <ScopeStack>.") == "Shows &lt;ScopeStack>."


def test_every_public_name_has_its_place():
    pages = python_pages.pages()
    assert set(pages) == {"scopeflow", *scopeflow._MODULES}
    for name in scopeflow._MODULES:
        for member in getattr(scopeflow, name).__all__:
            assert f"\n## {member}\n" in pages[name]
    somewhere = "".join(pages.values())
    for member in scopeflow.__all__:
        if not isinstance(getattr(scopeflow, member), ModuleType):
            assert f"\n## {member}\n" in somewhere, member


def test_the_decorators_have_their_place():
    page = python_pages.page(scopeflow)
    for name in ("tool", "agent", "llm"):
        assert f"\n## {name}\n\n```python\n{name}(\n    function: Any = None,\n" in page


def test_signatures_have_types():
    page = python_pages.pages()["tools"]
    assert "    tool_call_id: str | None = None,\n" in page
    assert "\nexecute_sync(\n    name: str,\n    args: _Args,\n" in page


def module_of(**members):
    module = ModuleType("scopeflow.made", "A module.")
    vars(module).update(members, __all__=list(members))
    return module


def test_every_kind_of_parameter():
    def function(a, /, b=1, *rest: int, c: str = "x", d, **others): ...

    body = inspect.getsource(function).strip()
    node = python_pages.ast.parse(body).body[0]
    assert python_pages.written("f", node) == (
        "f(a, /, b=1, *rest: int, c: str = 'x', d, **others)"
    )


class Bare:
    """Has a member that is told of here."""

    __module__ = "scopeflow.made"

    @property
    def member(self): ...

    @property
    def secret(self): ...


def test_what_has_no_docstring_is_told(monkeypatch):
    text = python_pages.page(module_of(Bare=Bare))
    assert "### Bare.member" in text and "### Bare.secret" in text
    assert python_pages._undocumented == ["scopeflow.made.Bare.secret"]

    made = module_of(Bare=Bare)
    monkeypatch.setattr(python_pages.importlib, "import_module", lambda name: made)
    with pytest.raises(ValueError, match=r"without a docstring: scopeflow\.made\.Bare\.secret, "):
        python_pages.pages()
    python_pages._undocumented.clear()
