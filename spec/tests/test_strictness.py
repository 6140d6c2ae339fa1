"""Everything that is wrong with a spec is refused, with the file and the line."""

from __future__ import annotations

import pytest

from spec.gen.loader import SpecError
from spec.gen.spec import read_api


def problem(spec, module: str, old: str, new: str) -> str:
    """What the generator says after the first `old` in a module was replaced."""
    path = spec / "api" / f"{module}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(SpecError) as caught:
        read_api(spec)
    return str(caught.value).replace(f"{module}.yaml:{line}:", "HERE:")


RED = "red: {value: 0, doc: Like blood.}"

CASES = {
    # Reading.
    "a duplicate key": (RED, f"{RED}\n      red: {{value: 9, doc: Again.}}", "duplicate key `red`"),
    "an integer key": (RED, "1: {value: 0, doc: Like blood.}", "HERE: a key is a text; quote `1`"),
    "a boolean key": (RED, "true: {value: 0, doc: So.}", "HERE: a key is a text; quote `true`"),
    "a word that is a boolean elsewhere": (
        "wire: true", "wire: yes", "HERE: write true or false, or quote `yes`",
    ),
    "a version that is not quoted": ("'0.9'", "0.9", "HERE: `0.9` is no decimal integer"),
    "an octal number": ("value: 64", "value: 0100", "HERE: `0100` is no decimal integer"),
    "a missing value": ("doc: Like blood.", "doc:", "HERE: a value is missing"),
    "an anchor": (RED, f"red: &x {RED[5:]}", "HERE: anchors are not allowed"),
    "a tag": ("'0.9'", "!!str 0.9", "HERE: tags are not allowed"),
    "a text that a comma ends": (
        "doc: Like blood.", "doc: Like blood, not wine.", "HERE: a value is missing",
    ),
    # The schema.
    "an unknown key": ("thread: confined", "thread: confined\n    threat: high", "'threat' was un"),
    "a missing doc": (RED, "red: {value: 0}", "HERE: enums/color/values/red: 'doc' is a required"),
    "a doc without an end": ("Like blood.", "Like blood", "HERE: a doc is made of full sentences"),
    "a doc with a promise": ("Like blood.", "TODO blood.", "HERE: a doc has no TODO, comment sign"),
    "a name in another case": (RED, "Red: {value: 0, doc: So.}", "'Red' does not match"),
    "an unknown unit": ("unit: ns", "unit: weeks", "HERE: structs/facts/fields/2/unit: 'weeks' is"),
    "an unknown primitive": ("type: i32, doc: Its", "type: i31, doc: Its", "'i31' does not match"),
    # References.
    "an unknown enum": ("type: enum.color, doc", "type: enum.hue, doc", "HERE: unknown typ"),
    "an unknown form": (
        "words: {type: list.text", "words: {type: list.letter", "HERE: unknown form `letter`",
    ),
    "unknown flags": ("flags.mood, doc: How it f", "flags.mud, doc: How it f", "HERE: unknown typ"),
    "an unknown handle": (
        "on: handle.runtime\n    out", "on: handle.rune\n    out", "unknown type `handle.rune`",
    ),
    "an unknown error": ("[invalid_argument, invalid_json]", "[bad]", "HERE: unknown error `bad`"),
    "unknown categories": ("categories: enum.color", "categories: enum.hue", "HERE: unknown typ"),
    # Numbers.
    "a number used twice": ("green: {value: 1", "green: {value: 0", "HERE: 0 is already `red`"),
    "a flag that is no bit": ("loud: {value: 4", "loud: {value: 6", "HERE: a flag is a power of"),
    "a constant too large": ("bytes, value: 64", "bytes, value: 4294967296", "HERE: 4294967296 is"),
    "a default outside its range": ("default: 8", "default: 65", "HERE: 65 is not in 1 to 64"),
    "a range outside its type": ("range: [1, 64]", "range: [-1, 64]", "HERE: -1 is not in 0 to 42"),
    "an empty range": ("range: [-2, 2]", "range: [2, -2]", "HERE: the range 2 to -2 is empty"),
    "a default that no enum has": ("default: green", "default: mauve", "HERE: the default `mauve`"),
    "a default with unknown bits": ("default: 1,", "default: 2,", "HERE: the default 2 has bits"),
    "a default for what may be absent": (
        "range: [-2, 2]", "optional: true, default: 1", "HERE: an optional argument has no de",
    ),
    "a range for a text": ("optional: true, doc: What is w", "range: [0, 1], doc: W", "cannot hav"),
    "a unit for an enum": ("type: enum.color, doc", "type: enum.color, unit: ns, doc", "cannot ha"),
    # Shapes.
    "a call on nothing": (
        "doc: Gives a thing a color. It stays until the next.\n    on: handle.runtime",
        "doc: Gives a thing a color.", "an operation of kind `call` needs `on`",
    ),
    "an accessor of nothing": (
        "    out: {name: weight, type: u64, doc: In bytes.}\n", "", "needs `out`",
    ),
    "registries without a plan": ("registration:", "registrations:", "'registrations' was unexpec"),
    "a second argument of a name": ("name: layer", "name: color", "HERE: a second argument"),
    # Names.
    "a name that two sections have": ("  mood:\n", "  color:\n", "`color` would be spelled like"),
    "a name that ends in an underscore": ("  paint:", "  paint_:", "'paint_' does not match"),
    "an argument that Go reserves": ("name: layer", "name: type", "HERE: `type` is a reserved"),
    "a field that C reserves": ("name: is_new", "name: new", "HERE: `new` is a reserved word of C"),
    "an option that Python reserves": ("name: cargo", "name: lambda", "reserved word of Python"),
    "an option that JavaScript reserves": ("name: cargo", "name: function", "of JavaScript"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_is_refused(name, sample):
    old, new, message = CASES[name]
    assert message in problem(sample, "sample", old, new)


def test_names_that_differ_in_the_spec_only_are_refused(sample):
    """`made_at` and `madeat` would both be `madeAt` or `MadeAt` somewhere."""
    text = problem(sample, "sample", "  put_double:", "  wei_ght:")
    assert "`thing_wei_ght` would be spelled like `thing_weight`" in text


def test_an_operation_may_not_be_called_like_that_of_a_registry(sample):
    path = sample / "api" / "sample.yaml"
    path.write_text(path.read_text("utf-8").replace("prefix: thing", "prefix: scope"), "utf-8")
    text = problem(sample, "sample", "  put_double:", "  register_watcher:")
    assert "`scope_register_watcher` would be spelled like `scope_register_watcher`" in text


def test_an_outcome_is_no_error(sample):
    assert "HERE: an outcome has a number from 0 to 99" in problem(
        sample, "basis", "ok: {value: 0", "ok: {value: 1000"
    )


def test_an_error_has_a_band(sample):
    message = problem(sample, "basis", "no_memory: {value: 3002", "no_memory: {value: 4001")
    assert "HERE: 4001 is in no band: 1xxx the caller's mistake, 2xxx input data" in message


def test_an_error_has_a_number_of_its_own(sample):
    message = problem(sample, "basis", "no_memory: {value: 3002", "no_memory: {value: 2001")
    assert "HERE: 2001 is already `invalid_json`" in message


def test_a_module_is_listed(sample):
    message = problem(sample, "index", "  - sample\n", "")
    assert "the module `sample` is not listed" in message


def test_a_listed_module_exists(sample):
    message = problem(sample, "index", "- sample", "- samples")
    assert "the module `sample` is not listed" in message
    (sample / "api" / "sample.yaml").rename(sample / "api" / "samples.yaml")
    with pytest.raises(SpecError, match=r"samples.yaml:1: the module is not named as its file"):
        read_api(sample)


def test_all_problems_are_told_at_once(sample):
    message = problem(sample, "sample", "default: green", "default: mauve")
    message = problem(sample, "sample", "default: 8", "default: 65")
    assert len(message.splitlines()) == 2
