"""Every type of the Python package has an example in its docstring, and none is about nothing."""

from __future__ import annotations

import pytest

from spec.gen.loader import SpecError
from spec.gen.render import TargetError, render
from spec.gen.spec import read_api


def change(spec, old: str, new: str) -> None:
    path = spec / "examples" / "python" / "sample.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def problem(spec, error: type[Exception]) -> str:
    with pytest.raises(error) as caught:
        render(read_api(spec), ["python"])
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  color:", "  hue:", "nothing is called enums/hue; enums/color has none"),
        ("  mood:", "  callable_flag:", "flags/callable_flag; flags/mood has none"),
        ("  facts:", "  moment:", "nothing is called structs/moment; structs/facts has none"),
        ("  no_memory:", "  memory:", "nothing is called errors/memory; errors/no_memory has none"),
        ("  watcher:", "  reader:", "nothing is called registries/reader"),
        ("  thing_weight:", "  weight:", "nothing is called operations/weight"),
    ],
)
def test_a_wrong_name_is_told(sample, old, new, told):
    change(sample, old, new)
    assert told in problem(sample, TargetError)


def test_what_is_no_session_is_told(sample):
    change(sample, ">>> Color.Red", "Color.Red")
    assert "sample.yaml:3: enums/color: " in problem(sample, SpecError)


def test_a_second_one_is_told(sample):
    folder = sample / "examples" / "python"
    (folder / "again.yaml").write_bytes((folder / "sample.yaml").read_bytes())
    assert "sample.yaml:3: enums/color has an example already" in problem(sample, SpecError)


def test_other_languages_need_none(sample):
    (sample / "examples" / "python" / "sample.yaml").unlink()
    assert render(read_api(sample), ["c", "go", "node"])
