"""The golden spec holds one of each construct; what every target makes of it is kept in golden/.

`python -m pytest spec/tests --update` writes the goldens anew; their diff is then the review.
"""

from __future__ import annotations

import shutil

import pytest

from spec.gen.render import render_target, stale, target_names, write
from spec.gen.spec import read_api

from .conftest import GOLDEN

EXPECTED = GOLDEN / "expected"
# The amalgamation is made from hand-written sources too, so a golden of it would change with them.
TARGETS = [name for name in target_names() if name != "amalgamation"]


@pytest.fixture(scope="module")
def api():
    return read_api(GOLDEN / "spec")


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_makes_of_each_construct_what_its_golden_says(target, api, request):
    texts = render_target(target, api)
    root = EXPECTED / target
    if request.config.getoption("--update"):
        shutil.rmtree(root, ignore_errors=True)
        write(texts, root)
    assert texts, "a target that makes nothing tests nothing"
    assert stale(texts, root) == []
    assert {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()} == set(texts)


def test_the_golden_spec_has_each_construct(api):
    kinds = {operation.kind for operation in api.operations}
    assert kinds == {
        "constructor", "destructor", "retain", "release", "call", "accessor", "task", "resume",
        "abandon", "tape",
    }  # fmt: skip
    assert {operation.action for operation in api.operations} == {"", "register", "deregister"}
    for section in (
        "outcomes", "errors", "constants", "enums", "flags", "handles", "values", "structs",
        "registries",
    ):  # fmt: skip
        assert getattr(api, section), section
    assert api.host and api.wire and api.encodings
    arguments = [argument for operation in api.operations for argument in operation.arguments]
    assert {a.passing for a in arguments} >= {"borrow", "take"}
    assert any(a.range for a in arguments) and any(a.optional for a in arguments)
    assert {a.type.kind for a in arguments if a.default is not None} >= {"enum", "flags", "u32"}
