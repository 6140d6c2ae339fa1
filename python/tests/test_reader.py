"""The core's reader of event files, through its generated operations (S2.9).

What it makes of a line is held against Python's own JSON parser, and what it makes of a time
against a parser of its own.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scopeflow
from scopeflow import AtofExporter, AtofExporterConfig, ScopeType
from scopeflow._native import AtofItemKind

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora" / "atof"
FILES = sorted(CORPORA.glob("*.jsonl"))
RUNTIME = scopeflow.Runtime()
PARTS = ("data", "data_schema", "metadata", "category_profile", "attributes")
UUID = "01900000-0000-7000-8000-00000000000a"

START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
TIMESTAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?"
    r"(?:[Zz]|([+-])(\d{2}):(\d{2}))",
    re.ASCII,
)
EPOCH_DAY = date(1970, 1, 1).toordinal()


def read(data, size=65_536, **limits):
    """All items of an input that is fed in pieces of a size."""
    reader = RUNTIME.atof_reader_new(RUNTIME, **limits)
    items = []
    for start in range(0, len(data), size):
        RUNTIME.atof_reader_feed(reader, data[start : start + size])
        while (item := RUNTIME.atof_reader_next(reader)).item != AtofItemKind.More:
            items.append(item)
    RUNTIME.atof_reader_finish(reader)
    while (item := RUNTIME.atof_reader_next(reader)).item != AtofItemKind.End:
        items.append(item)
    return items


def facts(item):
    """What a reader says of an event, in the terms of Python's parser."""
    found = {part: json.loads(getattr(item, part) or "null") for part in PARTS}
    found["kind"] = ("scope", "mark")[item.kind.value]
    found["scope_category"] = (None, "start", "end")[item.scope_category.value]
    found["uuid"] = item.uuid
    found["parent_uuid"] = item.parent_uuid if item.has_parent else None
    found["timestamp"] = item.timestamp_ns
    found["name"] = item.name
    found["category"] = item.category or None
    return found


def expected(line):
    """The same of a line, as Python reads it."""
    event = json.loads(line)
    found = {key: event.get(key) for key in facts_keys()}
    found["timestamp"] = parse_time(event["timestamp"])
    return found


def facts_keys():
    keys = ("kind", "scope_category", "uuid", "parent_uuid", "timestamp", "name", "category")
    return (*keys, *PARTS)


def check_file(data):
    """Every line of a file without a mistake, whole and in small pieces."""
    lines = data.decode("utf-8").removesuffix("\n").split("\n")
    for size in (65_536, 7):
        items = read(data, size)
        assert [item.message for item in items] == [""] * len(lines)
        assert [item.line for item in items] == lines
        assert [item.line_number for item in items] == list(range(1, len(lines) + 1))
        assert [facts(item) for item in items] == [expected(line) for line in lines]
    return lines


@pytest.mark.skipif(not FILES, reason="the corpora are not here, in ../shared/corpora beside it")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_line_of_the_peers_is_read(file):
    assert check_file(file.read_bytes())


def test_what_the_exporter_writes_is_valid_and_read(runtime, tmp_path):
    config = AtofExporterConfig()
    config.output_directory = tmp_path
    config.filename = "events.jsonl"
    exporter = AtofExporter(config, runtime=runtime)
    exporter.register("file")
    with runtime.scope('ä "quoted"\n', ScopeType.Custom, input={"k": [1, None, "\u2028"]}):
        runtime.scope_event("m", data=[1.5, b"bytes"], metadata={"user": 1})
        runtime.tool_execute_sync("t", {"q": "\ud800"}, str)
        with pytest.raises(KeyError):
            runtime.tool_execute_sync("t", 1, lambda request: {}[request])
    exporter.shutdown()
    lines = check_file((tmp_path / "events.jsonl").read_bytes())
    assert len(lines) == 7
    schema = json.loads((ROOT / "spec" / "atof.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines:
        validator.validate(json.loads(line))


def mark(**fields):
    common = {"kind": "mark", "uuid": UUID, "timestamp": 0, "name": "n"}
    return json.dumps({**common, **fields}).encode()


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_VALUES, st.text(), st.booleans(), st.integers(1, 100))
def test_any_payload_and_any_name(data, name, is_ascii, size):
    event = {"name": name, "data": data, "kind": "mark", "timestamp": 0, "uuid": UUID, "x": data}
    line = json.dumps(event, ensure_ascii=is_ascii).encode("utf-8")
    (item,) = read(line, size)
    assert (item.item, item.message) == (AtofItemKind.Event, "")
    assert item.name == name
    assert json.loads(item.data) == data


@given(st.binary(max_size=60), st.integers(1, 20))
def test_any_bytes_cost_no_other_line(junk, size):
    junk = junk.replace(b"\n", b"")
    items = read(mark() + b"\n" + junk + b"\n" + mark(name="last"), size)
    assert items[0].item == AtofItemKind.Event
    assert (items[-1].item, items[-1].name, items[-1].line_number) == (
        AtofItemKind.Event,
        "last",
        3,
    )
    assert all(item.message for item in items[1:-1])


def parse_time(value):
    """An ATOF timestamp in nanoseconds, or None if it is none (S2.3): the second opinion."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1_000
    match = TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    try:
        days = date(year, month, day).toordinal() - EPOCH_DAY
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    if match[8] is not None:
        offset = (int(match[9]) * 60 + int(match[10])) * 60
        seconds -= offset if match[8] == "+" else -offset
    return seconds * 1_000_000_000 + int((match[7] or "0").ljust(9, "0"))


@pytest.mark.parametrize(
    ("value", "expected_ns"),
    [
        ("2026-01-01T00:00:00Z", START_NS),
        ("2026-01-01t00:00:00z", START_NS),
        ("2026-01-01T00:00:00.5Z", START_NS + 500_000_000),
        ("2026-01-01T00:00:00.000000001Z", START_NS + 1),
        ("2026-01-01T05:30:00.25+05:30", START_NS + 250_000_000),
        ("2025-12-31T19:00:00-05:00", START_NS),
        (START_NS // 1_000, START_NS),
        (0, 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01T00:00:00.1234567890Z", None),
        ("٢٠٢٦-01-01T00:00:00Z", None),
        (True, None),
        (1.5, None),
        (None, None),
    ],
)
def test_times_of_all_writers(value, expected_ns):
    """S2.3: any offset, 0 to 9 digits, integer epoch microseconds."""
    assert parse_time(value) == expected_ns
    (item,) = read(mark(timestamp=value))
    is_event = item.item == AtofItemKind.Event
    assert (item.timestamp_ns if is_event else None) == expected_ns


@given(st.text("0123456789-+:.TtZz ", max_size=40))
def test_any_text_for_a_time(text):
    check_time(text)


@given(
    st.datetimes(timezones=st.timezones() | st.none()),
    st.integers(0, 9),
    st.integers(0, 999_999_999),
)
def test_times_with_any_offset_and_any_digits(moment, digits, nanoseconds):
    text = moment.replace(microsecond=0).isoformat(sep="T")
    fraction = f".{nanoseconds:09}"[: digits + 1] if digits else ""
    check_time(text[:19] + fraction + (text[19:] or "Z"))


def check_time(text):
    wanted = parse_time(text)
    (item,) = read(mark(timestamp=text))
    if wanted is None or not -(2**63) < wanted < 2**63:
        assert item.item == AtofItemKind.BadLine
        assert "timestamp is neither an RFC 3339 time" in item.message
    else:
        assert (item.item, item.timestamp_ns) == (AtofItemKind.Event, wanted)


def test_limits(runtime):
    (item,) = read(mark(data="x" * 100), line_limit=64)
    assert (item.item, item.problem, item.line) == (AtofItemKind.BadLine, 3001, "")
    (item,) = read(mark(data=[[]]), depth_limit=2)
    assert "line 1, offset " in item.message
    assert item.message.endswith("containers are nested deeper than depth_limit")
    with pytest.raises(scopeflow.InvalidArgument):
        runtime.atof_reader_new(runtime, line_limit=63)


def test_a_chunk_waits_for_the_one_before(runtime):
    reader = runtime.atof_reader_new(runtime)
    runtime.atof_reader_feed(reader, b"\n")
    with pytest.raises(scopeflow.InvalidState, match="not read up to `more`"):
        runtime.atof_reader_feed(reader, b"\n")
    with pytest.raises(TypeError):
        runtime.atof_reader_feed(reader, "text")
