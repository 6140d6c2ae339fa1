"""Encoding, row by row of the table in spec/api/payload.yaml (S2.6); it never raises."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import math
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scopeflow
from scopeflow import RuntimeFlags, ScopeType

yaml = pytest.importorskip("yaml")
SPEC = Path(__file__).parents[2] / "spec" / "api" / "payload.yaml"
DEPTH_LIMIT = 128


def encode(value, **options):
    """The JSON text of a mark's data."""
    return record(value, **options).to_dict()["data"]


def record(value, **options):
    runtime = scopeflow.Runtime(**options)
    events = []
    runtime.register_subscriber("s", events.append)
    runtime.scope_event("m", data=value)
    return events[0]


def text(value, **options):
    line = record(value, **options).to_json()
    return line.split('"data":', 1)[1].rsplit(',"data_schema"', 1)[0]


class Colour(enum.Enum):
    RED = "red"
    NESTED = (1, "two")


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    def __str__(self):
        raise AssertionError("a subclass's own methods are not asked")


class Number(int):
    def __repr__(self):
        raise AssertionError("a subclass's own methods are not asked")


class Pair(tuple):
    __slots__ = ()


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


class Model:
    """Looks like a pydantic model."""

    def __init__(self, dumped):
        self.dumped = dumped

    def model_dump(self):
        return self.dumped


class Mapping(collections.abc.Mapping):
    def __init__(self, members):
        self.members = members

    def __getitem__(self, key):
        return self.members[key]

    def __iter__(self):
        return iter(self.members)

    def __len__(self):
        return len(self.members)


class Foreign:
    pass


UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=2))
CIRCLE = {"a": []}
CIRCLE["a"].append(CIRCLE)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


# Row of the spec -> values and what they are written as.
ROWS = {
    "null": [(None, None)],
    "boolean": [(True, True), (False, False)],
    "integer from -2^63 to 2^64-1": [
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63, 2**63),
        (2**64 - 1, 2**64 - 1),
        (Number(7), 7),
    ],
    "wider integer": [
        (2**64, {"$integer": str(2**64)}),
        (-(2**63) - 1, {"$integer": str(-(2**63) - 1)}),
        (10**5_000, {"$integer": "1" + "0" * 5_000}),
        (-(10**9_000) - 7, {"$integer": "-1" + "0" * 8_999 + "7"}),
    ],
    "finite double": [(1.5, 1.5), (1e300, 1e300), (5e-324, 5e-324), (0.1, 0.1)],
    "NaN, infinity": [(math.nan, None), (math.inf, None), (-math.inf, None)],
    "text": [
        ("", ""),
        ('"\\\n\x00ä€😀', '"\\\n\x00ä€😀'),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
        (Text("sub"), "sub"),
    ],
    "bytes": [
        (b"", {"$bytes": ""}),
        (b"\x00\xff", {"$bytes": "AP8="}),
        (bytearray(b"ab"), {"$bytes": "YWI="}),
        (memoryview(b"abc")[::2], {"$bytes": "YWM="}),
    ],
    "date or time": [
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 60, UTC), "2026-01-02T03:04:05.000060Z"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, 0, EAST), "2026-01-02T03:04:05+02:00"),
        (datetime.time(3, 4, 5), "03:04:05"),
    ],
    "decimal": [
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("NaN"), "NaN"),
        (decimal.Decimal("1E+5"), "1E+5"),
    ],
    "enum member": [
        (Colour.RED, "red"),
        (Colour.NESTED, [1, "two"]),
        (Level.HIGH, 3),
        (ScopeType.Llm, 3),
    ],
    "dataclass, model, mapping": [
        ({"b": 1, "a": 2}, {"b": 1, "a": 2}),
        (Point(1, Point(2)), {"x": 1, "y": {"x": 2, "y": None}}),
        (Model({"m": Point(1)}), {"m": {"x": 1, "y": None}}),
        (Model([1]), [1]),
        (Mapping({"k": {1: 2}}), {"k": {"1": 2}}),
        (types.MappingProxyType({"p": 1}), {"p": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (
            {1: "a", None: "b", 1.5: "d", Colour.RED: "e"},
            {"1": "a", "null": "b", "1.5": "d", "red": "e"},
        ),
        ({(1, 2): "t", datetime.date(2026, 1, 2): "d"}, {"(1, 2)": "t", "2026-01-02": "d"}),
    ],
    "list or tuple": [
        ([1, [2]], [1, [2]]),
        ((1, (2,)), [1, [2]]),
        (Pair((1, 2)), [1, 2]),
        (collections.namedtuple("P", "x y")(1, 2), [1, 2]),
    ],
    "set": [
        ({10, 2, 1, "b", "a"}, ["a", "b", 1, 10, 2]),
        (frozenset(), []),
        ({"k": 1}.keys(), ["k"]),
    ],
    "reference to an enclosing container": [
        (CIRCLE, {"a": [{"$cycle": 2}]}),
    ],
    "container beyond payload_depth_limit": [],
    "anything else": [
        (Foreign(), {"$unserializable": "Foreign"}),
        (object, {"$unserializable": "type"}),
        (print, {"$unserializable": "builtin_function_or_method"}),
        (1j, {"$unserializable": "complex"}),
        (Point, {"$unserializable": "type"}),
        (iter([]), {"$unserializable": "list_iterator"}),
    ],
}


def test_every_row_of_the_spec_is_tested():
    rows = yaml.safe_load(SPEC.read_text("utf-8"))["encodings"]["rows"]
    assert [row["value"] for row in rows] == list(ROWS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(*case, id=f"{row} {number}")
        for row, cases in ROWS.items()
        for number, case in enumerate(cases)
    ],
)
def test_row(value, expected):
    found = encode(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("depth", [DEPTH_LIMIT, DEPTH_LIMIT + 1, DEPTH_LIMIT + 50])
def test_too_deep(depth):
    written = text(nested(depth))
    if depth == DEPTH_LIMIT:
        assert written == "[" * depth + "]" * depth
    else:
        assert written == "[" * DEPTH_LIMIT + '{"$depth":128}' + "]" * DEPTH_LIMIT


def test_minus_zero_is_zero():
    assert text(-0.0) == "0"


def test_of_two_keys_with_one_text_the_last_wins():
    assert text({1: "a", "x": 0, "1": "b"}) == '{"1":"b","x":0}'
    assert text({True: "a", "true": "b"}) == '{"true":"b"}'


def test_the_same_object_twice_is_no_cycle():
    shared = [1]
    assert encode({"a": shared, "b": shared}) == {"a": [1], "b": [1]}


def test_cycles_count_levels_up_through_every_kind_of_container():
    point = Point(1)
    point.y = [point]
    assert encode(point) == {"x": 1, "y": [{"$cycle": 2}]}
    model = Model({})
    model.dumped["self"] = model
    assert encode([model]) == [{"self": {"$cycle": 1}}]


# --- Hostile values ---


class RaisingLength(list):
    def __len__(self):
        raise ValueError("no length")


class RaisingModel:
    def model_dump(self):
        raise RuntimeError("no dump")


class RaisingMapping(Mapping):
    def __getitem__(self, key):
        raise KeyError(key)


class RaisingName(type):
    @property
    def __name__(cls):
        raise ValueError("no name")


class Nameless(metaclass=RaisingName):
    pass


class RaisingKey:
    def __str__(self):
        raise ValueError("no text")

    def __hash__(self):
        return 1


class EndlessModel:
    def model_dump(self):
        return EndlessModel()


class Raising:
    @property
    def model_dump(self):
        raise ValueError("no attribute")


@dataclasses.dataclass
class Half:
    fine: int = 1

    @property
    def broken(self):
        raise ValueError("broken")


Half.__dataclass_fields__ = {"fine": None, "broken": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (RaisingModel(), {"$unserializable": "RaisingModel"}),
        (RaisingMapping({"a": 1}), {"$unserializable": "RaisingMapping"}),
        (Half(), {"$unserializable": "Half"}),
        (Raising(), {"$unserializable": "Raising"}),
        ({RaisingKey(): 1}, {"RaisingKey": 1}),
        (RaisingLength([1]), [1]),
    ],
)
def test_a_value_that_raises_is_contained(value, expected):
    assert encode([value, "after"]) == [expected, "after"]


def test_what_nests_without_end_is_cut():
    assert encode([EndlessModel(), "after"]) == [{"$unserializable": "EndlessModel"}, "after"]


def test_a_type_without_a_name_is_contained():
    assert encode([Nameless(), "after"])[1] == "after"


def test_a_dict_that_changes_while_it_is_walked():
    class Grows:
        def __init__(self, target):
            self.target = target

        def model_dump(self):
            self.target.update({f"new{i}": i for i in range(1_000)})
            return {}

    members = {"a": 1}
    members["grows"] = Grows(members)
    assert encode(members)["a"] == 1
    shrinking = [1, 2, 3]
    shrinking.insert(0, type("Shrinks", (), {"model_dump": lambda self: shrinking.clear() or {}})())
    assert encode(shrinking) == [{}]


def test_a_key_that_is_no_text_comes_while_a_dict_is_walked():
    class Replaces:
        def model_dump(self):
            del members["b"]
            members[5] = "five"
            return {}

    members = {"a": Replaces(), "b": 1, "c": 2}
    assert encode(members) == {"a": {}, "c": 2, "5": "five"}


def test_ctrl_c_during_encoding_is_not_lost():
    class Interrupted:
        def model_dump(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode([Interrupted(), "after"])
        for _ in range(1_000):
            pass


def test_an_error_without_a_text_is_described(runtime, log):
    class Silent(Exception):
        def __str__(self):
            raise ValueError("no text")

    with pytest.raises(Silent), runtime.scope("a", ScopeType.Agent):
        raise Silent
    metadata = log.end("a").metadata
    assert metadata["exception.type"] == "Silent"
    assert metadata["otel.status_description"] == "<Silent without a text>"


# --- Budget and form ---


def test_a_payload_that_asks_for_its_own_event_is_told_so():
    """Its text is not there yet; what is asked for is refused and the event is whole."""
    kept, told = [], []

    class Curious:
        def model_dump(self):
            with pytest.raises(scopeflow.InvalidState, match="is being encoded"):
                kept[0].to_json()
            told.append(True)
            return {"x": 1}

    runtime = scopeflow.Runtime()
    runtime.register_subscriber("keep", kept.append)
    runtime.register_subscriber("read", lambda event: event.to_json())
    runtime.scope_event("curious", data=[1, Curious(), 2], metadata={"k": "v"})
    assert told == [True]
    event = json.loads(kept[0].to_json())
    assert (event["data"], event["metadata"]) == ([1, {"x": 1}, 2], {"k": "v"})
    runtime.close()


def test_sets_in_sets_cost_no_more_for_being_deep():
    """Each is sorted once, what it holds first; twice at every level would take for ever."""
    value, expected = frozenset("a"), ["a"]
    for depth in range(100):
        value, expected = frozenset([value, depth]), [depth, expected]
    assert json.loads(text({"deep": value})) == {"deep": expected}


@pytest.mark.parametrize("container", [list, tuple, set, lambda rows: dict(enumerate(rows))])
def test_the_budget_bounds_what_is_written_and_what_is_looked_at(container):
    looked = []

    class Counted:
        def __init__(self, number):
            self.number = number

        def model_dump(self):
            looked.append(self.number)
            return {"n": "x" * 100}

    written = text(container(Counted(i) for i in range(10_000)), payload_budget=1_000)
    assert '"$truncated":1000' in written
    assert json.loads(written)
    assert len(written) < 1_100
    assert len(looked) < 100


def test_canonical_form_sorts_keys():
    flags = RuntimeFlags.CANONICAL
    assert text({"b": 1, "a": {"d": 1, "c": 1e21}}, flags=flags) == '{"a":{"c":1e+21,"d":1},"b":1}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    # Whole doubles beyond 2^53 are written as integers, which Python reads exactly.
    | st.floats(-(2.0**53), 2.0**53)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=30,
)


@given(JSON)
def test_plain_data_comes_back_as_it_was(value):
    assert encode(value) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_read_back_exactly(value):
    assert float(text(value)) == value


def test_a_real_pydantic_model():
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        when: datetime.date

    class Outer(pydantic.BaseModel):
        inner: Inner
        tags: set[str]

    value = Outer(inner=Inner(when=datetime.date(2026, 1, 2)), tags={"b", "a"})
    assert encode(value) == {"inner": {"when": "2026-01-02"}, "tags": ["a", "b"]}
