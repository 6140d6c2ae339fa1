"""The storeys do not mix: templates loop, resolve.py knows one language, and all stays small."""

from __future__ import annotations

import ast
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from spec.gen.render import environment_of

from .conftest import ROOT

GEN = ROOT / "spec" / "gen"
TEMPLATES = sorted(GEN.glob("targets/*/templates/**/*.j2"))
TARGETS = sorted(path.parent for path in GEN.glob("targets/*/resolve.py"))
# Comparisons, arithmetic, and text put together: decisions that belong into resolve.py.
LOGIC = (
    nodes.Compare, nodes.Test, nodes.Concat, nodes.And, nodes.Or, nodes.BinExpr, nodes.Call,
    nodes.Slice, nodes.FromImport, nodes.Import, nodes.FilterBlock,
)  # fmt: skip
FILTERS = {"comment", "wrap", "join", "length", "indent", "hex"}


def name_of(path: Path) -> str:
    return path.relative_to(GEN).as_posix()


def is_layout(node: nodes.Node, tree: nodes.Template) -> bool:
    """Whether it is a call of a macro of the same template, or of a dict's `items`."""
    if not isinstance(node, nodes.Call):
        return False
    if isinstance(node.node, nodes.Name):
        return node.node.name in {macro.name for macro in tree.find_all(nodes.Macro)}
    return isinstance(node.node, nodes.Getattr) and node.node.attr == "items"


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_only_loops(path):
    tree = jinja2.Environment().parse(path.read_text("utf-8"))
    found = [type(n).__name__ for n in tree.find_all(LOGIC) if not is_layout(n, tree)]
    filters = {node.name for node in tree.find_all(nodes.Filter)} - FILTERS
    assert (found, filters) == ([], set())


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_is_at_most_120_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 120


def test_a_typo_in_a_template_is_an_error():
    template = environment_of("c").from_string("{{ haeder }}")
    with pytest.raises(jinja2.UndefinedError):
        template.render(header="x")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.name)
def test_a_target_knows_no_other_target_and_no_yaml(target):
    for path in target.glob("*.py"):
        others = {name for name in imports_of(path) if "targets" in name or name == "yaml"}
        assert others == set(), path.name


def test_the_model_knows_no_language():
    for name in ("model.py", "build.py", "data.py", "loader.py", "check.py"):
        assert not {"cabi", ".cabi", "jinja2", ".render"} & imports_of(GEN / name), name


def test_sizes():
    assert len((GEN / "model.py").read_text("utf-8").splitlines()) <= 300
    for path in GEN.glob("targets/*/*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 350, name_of(path)
    for path in (ROOT / "spec" / "api").glob("*.yaml"):
        assert len(path.read_text("utf-8").splitlines()) <= 250, path.name
