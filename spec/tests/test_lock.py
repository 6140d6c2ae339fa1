"""The lock of the ABI is current, and calls each kind of change by its name."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from spec.gen.names import upper
from spec.gen.spec import read_api
from spec.lock import __main__ as command
from spec.lock.compare import compare
from spec.lock.surface import surface

from .conftest import GOLDEN, ROOT

HEADER = ROOT / "native/include/scopeflow/scopeflow.h"

# What is changed in the golden spec: a text of a file, what stands there instead, and the item that
# is named. The file is sample.yaml, or the one whose name stands before a colon.
LABEL = "{name: label, type: string, optional: true, doc: What is written on it.}"
LAYER = "{name: layer, type: i32, range: [-2, 2], doc: Where.}"
COLOR = "{name: color, type: enum.color, doc: Which one.}"
CAUSE = "{name: cause, type: error, optional: true, doc: Why.}"
BLACK = "      black: {value: 5, doc: Like coal.}\n"
LOUD = "      loud: {value: 4, doc: It shouts.}\n"
TITLE = "      - {name: title, type: string, doc: Its title.}\n"
IS_NEW = "      - {name: is_new, type: bool, doc: Whether it is new.}\n"
RELEASE = (
    "    release: {returns: void, args: [{name: ref, type: ref}], doc: Gives a reference back.}\n"
)
BLINK = RELEASE.replace("release", "blink")
PAINT = "  paint:\n"
WIPE = "  wipe:\n    kind: abandon\n    doc: Cleans it.\n    on: value.task\n"
RETAIN = "  retain:\n    kind: retain\n    doc: Takes one more reference.\n    on: handle.scope\n"
FACTS = "  facts:\n"
OTHERS = "  others:\n    doc: More.\n    fields:\n      - {name: id, type: uuid, doc: Its id.}\n"

ADDITIVE = {
    "a value of an enum": (BLACK, BLACK + BLACK.replace("black: {value: 5", "white: {value: 6"),
                           "enum scopeflow_color"),
    "a bit": (LOUD, LOUD + LOUD.replace("loud: {value: 4", "sad: {value: 8"),
              "flags scopeflow_mood"),
    "an operation": (PAINT, WIPE + PAINT, "function scopeflow_thing_wipe"),
    "a struct": (FACTS, OTHERS + FACTS, "struct scopeflow_others"),
    "a function of the host's at the end": (RELEASE, RELEASE + BLINK, "struct scopeflow_host"),
    "a wider range": (LAYER, LAYER.replace("-2, 2", "-2, 3"), "function scopeflow_thing_paint"),
    "no range": (LAYER, LAYER.replace("range: [-2, 2], ", ""), "function scopeflow_thing_paint"),
    "a default": (COLOR, COLOR.replace("doc", "default: red, doc"),
                  "function scopeflow_thing_paint"),
    "what may be left out": (LAYER, LAYER.replace("doc", "optional: true, doc"),
                             "function scopeflow_thing_paint"),
    "every build has it": ("availability: hosted", "availability: everywhere",
                           "function scopeflow_thing_paint"),
    "any thread": ("thread: confined", "thread: shared", "handle scopeflow_runtime"),
    "a constant": ("constants:\n", "constants:\n  age: {type: u32, value: 3, doc: Years.}\n",
                   "constant SCOPEFLOW_AGE"),
}  # fmt: skip

BREAKING = {
    "an operation is gone": ("  weight:\n    kind: accessor", "  mass:\n    kind: accessor",
                             "function scopeflow_thing_weight"),
    "an argument more": (LABEL, LABEL + "\n      - " + LABEL.replace("label", "hint"),
                         "function scopeflow_thing_paint"),
    "an argument of another type": (LAYER, LAYER.replace("i32", "i64"),
                                    "function scopeflow_thing_paint"),
    "an argument of another name": (LAYER, LAYER.replace("layer", "coat"),
                                    "function scopeflow_thing_paint"),
    "arguments in another order": (f"{COLOR}\n      - {LAYER}", f"{LAYER}\n      - {COLOR}",
                                   "function scopeflow_thing_paint"),
    "an argument is taken": (CAUSE, CAUSE.replace("optional", "pass: take, optional"),
                             "struct scopeflow_thing_carry_options"),
    "an option more": (CAUSE, CAUSE + "\n      - " + CAUSE.replace("cause", "reason"),
                       "struct scopeflow_thing_carry_options"),
    "what has to be given": (LABEL, LABEL.replace("optional: true, ", ""),
                             "function scopeflow_thing_paint"),
    "another default": ("default: 8, range", "default: 9, range",
                        "struct scopeflow_thing_new_options"),
    "a narrower range": (LAYER, LAYER.replace("-2, 2", "-2, 1"), "function scopeflow_thing_paint"),
    "another number": (BLACK, BLACK.replace("value: 5", "value: 4"), "enum scopeflow_color"),
    "a value is gone": (BLACK, "", "enum scopeflow_color"),
    "another bit": (LOUD, LOUD.replace("4", "8"), "flags scopeflow_mood"),
    "another constant": ("bytes, value: 64", "bytes, value: 65",
                         "constant SCOPEFLOW_SIZE_LIMIT_BYTES"),
    "a member at the end": (IS_NEW, IS_NEW + IS_NEW.replace("is_new", "is_old"),
                            "struct scopeflow_facts"),
    "a member is gone": (IS_NEW, "", "struct scopeflow_facts"),
    "a member in another place": (TITLE, TITLE.replace("title", "motto") + TITLE,
                                  "struct scopeflow_facts"),
    "a function of the host's in front": (RELEASE, BLINK + RELEASE, "struct scopeflow_host"),
    "a larger task": ("basis: size: 64", "size: 72", "struct scopeflow_task"),
    "one thread": ("basis: thread: shared", "thread: confined", "handle scopeflow_scope"),
}  # fmt: skip


def edit(spec, old: str, new: str) -> None:
    module, colon, text = old.partition(": ")
    is_named = colon and (spec / "api" / f"{module}.yaml").is_file()
    path = spec / "api" / f"{module if is_named else 'sample'}.yaml"
    old = text if is_named else old
    content = path.read_text("utf-8")
    assert content.count(old) >= 1, f"{old!r} is not in {path.name}"
    path.write_text(content.replace(old, new, 1), "utf-8")


@pytest.fixture(scope="module")
def before():
    return surface(read_api(GOLDEN / "spec"))


def test_the_lock_says_what_the_spec_says():
    """Otherwise: python -m spec.lock --record, or --relock if it is to break callers."""
    locked = command.read(str(ROOT / command.LOCK))
    assert [str(change) for change in compare(locked, surface(read_api(ROOT / "spec")))] == []
    assert command.text_of(locked) == (ROOT / command.LOCK).read_text("utf-8")


def test_the_header_has_what_is_locked_and_nothing_else():
    """Also what stands in the header's template and not in the spec."""
    header = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.DOTALL)
    locked = command.read(str(ROOT / command.LOCK))
    functions = re.findall(r"^(?:SCOPEFLOW_API .*?)\b(scopeflow_\w+)\(", header, re.M | re.S)
    structs = re.findall(r"struct (scopeflow_\w+) \{", header)
    numbers = re.findall(r"^    (SCOPEFLOW_\w+) = (\d+),", header, re.MULTILINE)
    assert {f"function {name}" for name in functions} == of_kind(locked, "function")
    assert {f"struct {name}" for name in structs} == of_kind(locked, "struct")
    assert {(name, int(value)) for name, value in numbers} == {
        (upper(f"{item.split()[1]}_{name}"), value)
        for item in of_kind(locked, "enum") | of_kind(locked, "flags")
        for name, value in locked[item].items()
    }


def of_kind(items, kind: str) -> set[str]:
    return {item for item in items if item.split()[0] == kind}


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_is_more_is_additive_and_taking_it_back_is_not(name, sample, before):
    old, new, item = ADDITIVE[name]
    edit(sample, old, new)
    after = surface(read_api(sample))
    changes = compare(before, after)
    assert item in {change.item for change in changes}
    assert [str(change) for change in changes if change.is_breaking] == []
    assert item in {change.item for change in compare(after, before) if change.is_breaking}


@pytest.mark.parametrize("name", BREAKING)
def test_what_is_less_or_other_is_breaking(name, sample, before):
    old, new, item = BREAKING[name]
    edit(sample, old, new)
    changes = compare(before, surface(read_api(sample)))
    assert item in {change.item for change in changes if change.is_breaking}


def test_docs_and_order_play_no_part(sample, before):
    edit(sample, "Like grass.", "Like moss.")
    edit(sample, RETAIN, "")
    edit(sample, PAINT, RETAIN + PAINT)
    assert compare(before, surface(read_api(sample))) == []


# --- The command ---


@pytest.fixture
def run(sample, tmp_path, capsys):
    """Runs it on a copy of the golden spec with a lock of its own, which is current."""
    lock = tmp_path / "api.lock.json"

    def run(*options: str) -> tuple[int, str]:
        code = command.main(["--spec", str(sample), "--lock", str(lock), *options])
        return code, capsys.readouterr().out

    lock.write_text("{}")
    assert run("--record")[0] == 0
    return run


def test_a_current_lock_is_content(run):
    code, out = run()
    assert (code, out.endswith("as locked\n")) == (0, True)


def test_an_additive_change_has_to_be_recorded(run, sample):
    edit(sample, *ADDITIVE["a bit"][:2])
    assert run() == (
        1,
        "additive  flags scopeflow_mood: sad is new, 8\n"
        "1 additive, 0 breaking; python -m spec.lock --record\n",
    )
    assert run("--record")[0] == 0
    assert run()[0] == 0


def test_a_breaking_change_is_not_recorded_but_relocked(run, sample):
    edit(sample, *BREAKING["another bit"][:2])
    expected = (
        "breaking  flags scopeflow_mood: loud is 8, it was 4\n"
        "0 additive, 1 breaking; python -m spec.lock --relock\n"
    )
    assert run("--record") == (1, expected)
    assert run() == (1, expected)
    assert run("--relock")[0] == 0
    assert run()[0] == 0


def test_against_a_file(run, sample, tmp_path):
    (tmp_path / "old.json").write_bytes((tmp_path / "api.lock.json").read_bytes())
    edit(sample, *ADDITIVE["a bit"][:2])
    assert run("--record")[0] == 0
    assert run("--against", str(tmp_path / "old.json"))[0] == 0
    edit(sample, *BREAKING["a value is gone"][:2])
    assert run("--relock")[0] == 0
    code, out = run("--against", str(tmp_path / "old.json"))
    assert code == 1 and out.endswith("1 additive, 1 breaking\n")


def test_against_a_revision(run, sample, tmp_path, monkeypatch):
    """One that has a lock, one that has none, and one that is none."""
    root = tmp_path / "repository"
    (root / "spec").mkdir(parents=True)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "without"], check=True)
    (root / command.LOCK).write_text(json.dumps(surface(read_api(sample))))
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "with"], check=True)
    monkeypatch.setattr(command, "ROOT", root)
    assert run("--against", "HEAD") == (0, "0 additive, 0 breaking\n")
    assert run("--against", "HEAD~1")[0] == 2
    assert run("--against", "nothing")[0] == 2
