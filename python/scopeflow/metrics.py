"""Measurements as marks, in the form that NeMo Relay has for them.

A mark of measurements has `data` `{"measurements": [...]}` and says so in its `data_schema`. What
is measured is checked here, so that whoever reads the file can rely on it.

>>> total = MetricMeasurement("llm.tokens", MetricKind.Counter, MetricValueType.U64, 812)
>>> with testing.capture() as events:
...     scope.metric("tokens", [total])
>>> events.find("tokens").data
{'measurements': [{'name': 'llm.tokens', 'kind': 'counter', 'value_type': 'u64', 'value': 812}]}
"""

from __future__ import annotations

import itertools
import math
import re

from ._native import InvalidArgument, default_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from ._native import ScopeHandle

SCHEMA = {"name": "nemo.relay.metric_measurements", "version": "1"}
BOUNDARY_LIMIT = 64
UNIT_LIMIT_BYTES = 63
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}", re.ASCII)
_HIGHEST = 2**63 - 1


class _Choice(str):
    """One of the values that a member may have, a text."""

    __slots__ = ()


class MetricKind:
    """What a measurement is of: a sum that only grows, one that may shrink, a level, or values of
    which the distribution counts.

    >>> MetricMeasurement("queue.length", MetricKind.Gauge, MetricValueType.U64, 3).kind
    'gauge'
    >>> MetricKind.Gauge == "gauge"  # A text may be given in its place.
    True
    """

    Counter = _Choice("counter")
    UpDownCounter = _Choice("up_down_counter")
    Gauge = _Choice("gauge")
    Histogram = _Choice("histogram")


class MetricValueType:
    """What its value is: an integer of 0 and more, an integer, or a finite number.

    >>> MetricMeasurement("load", MetricKind.Gauge, MetricValueType.F64, 0.5).value_type
    'f64'
    """

    U64 = _Choice("u64")
    I64 = _Choice("i64")
    F64 = _Choice("f64")


_VALUE_TYPES = {
    MetricKind.Counter: (MetricValueType.U64, MetricValueType.F64),
    MetricKind.UpDownCounter: (MetricValueType.I64, MetricValueType.F64),
    MetricKind.Gauge: (MetricValueType.U64, MetricValueType.I64, MetricValueType.F64),
    MetricKind.Histogram: (MetricValueType.U64, MetricValueType.F64),
}


class MetricMeasurement:
    """One measured value.

    name: What is measured: a letter, then letters, digits, `_`, `.`, `-`, `/`; at most 255.
    kind: A MetricKind.
    value_type: A MetricValueType: of a counter U64 or F64, of an up-down counter I64 or F64, of a
        histogram U64 or F64, of a gauge any.
    value: The value; of a counter 0 or more, never above 2^63 - 1, never infinite.
    unit: Its unit, ASCII, at most 63 characters.
    description: What it says, for people.
    attributes: What tells it from others: texts, numbers, booleans, or lists of one kind of them.
    boundaries: Of a histogram: at most 64 upper limits, each greater than the one before.

    Raises InvalidArgument, a ValueError, that says which of these is wrong.

    >>> tokens = MetricMeasurement("llm.tokens", MetricKind.Counter, MetricValueType.U64, 812)
    >>> tokens.value
    812
    >>> MetricMeasurement("llm.tokens", MetricKind.Counter, MetricValueType.U64, -1)
    Traceback (most recent call last):
        ...
    scopeflow._native.InvalidArgument: ...value must be 0 or more, not -1
    """

    __slots__ = (
        "attributes",
        "boundaries",
        "description",
        "kind",
        "name",
        "unit",
        "value",
        "value_type",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        value_type: str,
        value: float,
        unit: str | None = None,
        description: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        boundaries: Sequence[float] | None = None,
    ) -> None:
        self.name: str = name
        self.kind: str = kind
        self.value_type: str = value_type
        self.value: float = value
        self.unit: str | None = unit
        self.description: str | None = description
        self.attributes: dict[str, Any] | None = None if attributes is None else dict(attributes)
        self.boundaries: list[float] | None = None if boundaries is None else list(boundaries)
        for problem in self._problems():
            raise InvalidArgument(f"invalid argument: measurement {name!r}: {problem}")

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the mark; what is None is left out.

        >>> load = MetricMeasurement("load", MetricKind.Gauge, MetricValueType.F64, 0.5, unit="1")
        >>> load.to_dict()
        {'name': 'load', 'kind': 'gauge', 'value_type': 'f64', 'value': 0.5, 'unit': '1'}
        """
        members = {name: getattr(self, name) for name in _MEMBERS}
        return {name: value for name, value in members.items() if value is not None}

    def __repr__(self) -> str:
        return f"MetricMeasurement({self.to_dict()!r})"

    def _problems(self) -> Iterable[str]:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            yield "name must be a letter and at most 254 of letters, digits, _ . - /"
        if self.kind not in _VALUE_TYPES:
            yield f"kind must be one of {', '.join(_VALUE_TYPES)}, not {self.kind!r}"
        elif self.value_type not in _VALUE_TYPES[_Choice(self.kind)]:
            allowed = ", ".join(_VALUE_TYPES[_Choice(self.kind)])
            yield f"value_type of a {self.kind} must be {allowed}, not {self.value_type!r}"
        yield from self._problems_of_value()
        if self.unit is not None and not _is_unit(self.unit):
            yield f"unit must be ASCII of at most {UNIT_LIMIT_BYTES} characters"
        if self.description is not None and not isinstance(self.description, str):
            yield "description must be str"
        for key, value in (self.attributes or {}).items():
            if not isinstance(key, str) or not _is_attribute(value):
                yield f"attribute {key!r} must be a text, number, boolean, or list of one kind"
        if self.boundaries is not None:
            yield from self._problems_of_boundaries(self.boundaries)

    def _problems_of_value(self) -> Iterable[str]:
        is_whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        if self.value_type == MetricValueType.F64:
            if not is_whole and not (isinstance(self.value, float) and math.isfinite(self.value)):
                yield f"value must be a finite number, not {self.value!r}"
        elif not is_whole or abs(self.value) > _HIGHEST:
            yield f"value must be an integer up to {_HIGHEST}, not {self.value!r}"
        is_negative = isinstance(self.value, (int, float)) and self.value < 0
        is_unsigned = self.value_type == MetricValueType.U64 or self.kind == MetricKind.Counter
        if is_negative and is_unsigned:
            yield f"value must be 0 or more, not {self.value!r}"

    def _problems_of_boundaries(self, boundaries: list[float]) -> Iterable[str]:
        if self.kind != MetricKind.Histogram:
            yield f"boundaries are of histograms, not of a {self.kind}"
        elif len(boundaries) > BOUNDARY_LIMIT:
            yield f"at most {BOUNDARY_LIMIT} boundaries, not {len(boundaries)}"
        elif not all(isinstance(b, (int, float)) and math.isfinite(b) for b in boundaries):
            yield "boundaries must be finite numbers"
        elif any(a >= b for a, b in itertools.pairwise(boundaries)):
            yield "each boundary must be greater than the one before"


_MEMBERS = (
    "name",
    "kind",
    "value_type",
    "value",
    "unit",
    "description",
    "attributes",
    "boundaries",
)


def _is_unit(unit: object) -> bool:
    return isinstance(unit, str) and unit.isascii() and len(unit) <= UNIT_LIMIT_BYTES


def _is_attribute(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        kinds = {type(element) for element in value}
        return len(kinds) == 1 and all(_is_scalar(element) for element in value)
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, bool, int)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def metric(
    name: str,
    measurements: Iterable[MetricMeasurement],
    *,
    handle: ScopeHandle | None = None,
    metadata: object = None,
    timestamp: datetime | int | None = None,
) -> None:
    """Emits a mark of measurements under the current scope.

    name: What the mark is called.
    measurements: At least one MetricMeasurement. Two of one name, upper or lower case, agree on
        kind, value type and unit.
    handle: An open scope to stand under instead of the current one.
    metadata: The mark's metadata.
    timestamp: When it was measured, an aware datetime or nanoseconds since 1970; now by default.

    Raises InvalidArgument, TypeError for what is no MetricMeasurement.

    >>> tokens = MetricMeasurement("llm.tokens", MetricKind.Counter, MetricValueType.U64, 812)
    >>> with testing.capture() as events:
    ...     scope.metric("tokens", [tokens])
    >>> events.find("tokens").data["measurements"][0]["value"]
    812
    """
    given = list(measurements)
    if not given:
        raise InvalidArgument("invalid argument: a metric needs at least one measurement")
    known: dict[str, tuple[object, ...]] = {}
    for measurement in given:
        if not isinstance(measurement, MetricMeasurement):
            raise TypeError(
                f"a measurement must be MetricMeasurement, not {type(measurement).__name__}"
            )
        facts = (measurement.kind, measurement.value_type, measurement.unit)
        if known.setdefault(measurement.name.casefold(), facts) != facts:
            raise InvalidArgument(
                f"invalid argument: measurement {measurement.name!r} stands here twice, with "
                "another kind, value type or unit"
            )
    default_runtime.scope_event(
        name,
        handle=handle,
        data={"measurements": [measurement.to_dict() for measurement in given]},
        data_schema=SCHEMA,
        metadata=metadata,
        timestamp=timestamp,
    )


__all__ = ["MetricKind", "MetricMeasurement", "MetricValueType", "metric"]
