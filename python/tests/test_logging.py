"""Events as records of loggers, records as marks, and neither without end."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import inspect
import logging
import logging.config
import logging.handlers
import queue
import threading

import pytest

import scopeflow
from scopeflow import (
    InvalidState,
    LogSeverity,
    ScopeType,
    _logging,
    guardrails,
    scope,
    subscribers,
    tools,
)
from scopeflow import testing as scopeflow_testing

FIELDS = (
    "scopeflow_event", "event_name", "uuid", "parent_uuid", "category", "timestamp_ns",
    "duration_ns", "status", "error_type",
)  # fmt: skip


class Records(logging.Handler):
    """Keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def lines(self):
        return [f"{record.levelname} {record.getMessage()}" for record in self.records]


@pytest.fixture(autouse=True)
def runtime():
    with scopeflow_testing.isolated() as runtime:
        yield runtime


@pytest.fixture
def records():
    """What comes to the root logger."""
    handler = Records()
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield handler
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.fixture
def attach():
    """Adds a handler to a logger for the time of a test."""
    attached = []

    def attach(handler, name=None):
        logger = logging.getLogger(name)
        attached.append((logger, handler, logger.level))
        logger.setLevel(1)
        logger.addHandler(handler)
        return logger

    yield attach
    for logger, handler, level in reversed(attached):
        logger.removeHandler(handler)
        logger.setLevel(level)


def fail(args):
    raise LookupError("nothing there")


def work():
    with scope.scope("planner", ScopeType.Agent):
        scope.event("thinking", data={"secret": 1})
        tools.execute_sync("search", {"secret": 2}, len)
        with pytest.raises(LookupError):
            tools.execute_sync("broken", {}, fail)


# --- Events as records ---


def test_an_event_is_a_record(records):
    with subscribers.logging():
        work()
    assert {record.name for record in records.records} == {"scopeflow.events"}
    assert records.lines() == [
        "INFO start agent planner",
        "INFO mark thinking",
        "INFO start tool search",
        "INFO end tool search in 1.0 ms: OK",
        "INFO start tool broken",
        "ERROR end tool broken in 1.0 ms: ERROR: LookupError: nothing there",
        "INFO end agent planner in 6.0 ms: OK",
    ]


def test_a_record_has_fields_for_formatters(records):
    with scopeflow_testing.capture() as events, subscribers.logging():
        work()
    for record, event in zip(records.records, events, strict=True):
        assert record.scopeflow_event == (event.scope_category or "mark")
        assert record.event_name == event.name
        for name in ("uuid", "parent_uuid", "category", "timestamp_ns"):
            assert getattr(record, name) == getattr(event, name)
        assert not hasattr(record, "data")
        assert set(FIELDS) <= vars(record).keys()
    outcomes = [(r.status, r.error_type, r.duration_ns) for r in records.records]
    assert outcomes[:4] == [(None, None, None)] * 3 + [("OK", None, 1_000_000)]
    assert outcomes[5] == ("ERROR", "exception", 1_000_000)


def test_payloads_come_only_on_request(records):
    with subscribers.logging(data=True):
        work()
        scope.event("long", data="x" * 500)
        scope.event("none")
    lines = records.lines()
    assert lines[1] == 'INFO mark thinking: {"secret": 1}'
    assert lines[2] == 'INFO start tool search: {"secret": 2}'
    assert lines[3] == "INFO end tool search in 1.0 ms: OK: 1"
    assert lines[5].endswith("LookupError: nothing there")
    assert lines[7] == 'INFO mark long: "' + "x" * 98 + "…"
    assert lines[8] == "INFO mark none"
    assert records.records[7].data == "x" * 500
    assert records.records[2].data == {"secret": 2}


@pytest.mark.parametrize(
    ("severity", "level"),
    [("Trace", 5), ("Debug", 10), ("Info", 20), ("Warn", 30), ("Error", 40)],
)
def test_the_level_of_a_mark_is_its_severity(records, severity, level):
    with subscribers.logging(level=logging.CRITICAL):
        scope.event("m", severity=getattr(LogSeverity, severity))
        scope.event("n")
    assert [record.levelno for record in records.records] == [level, logging.CRITICAL]


def test_the_level_of_what_was_refused_stopped_or_failed_before_it_began(records):
    def broken(name, args):
        raise ValueError("bad")

    async def cancelled():
        async def forever(args):
            await asyncio.sleep(3600)

        task = asyncio.ensure_future(tools.execute("slow", {}, forever))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with subscribers.logging(level=logging.DEBUG):
        asyncio.run(cancelled())
        scope.push("forgotten", ScopeType.Function)
        context = subscribers.default_runtime.create_scope_stack()
        subscribers.default_runtime.set_scope_stack(context)
        del context
        gc.collect()
        subscribers.flush()
        with guardrails.tool_conditional_execution("g", 1, lambda name, args: "no"):
            with pytest.raises(scopeflow.GuardrailRejected):
                tools.execute_sync("search", {}, len)
        with guardrails.tool_conditional_execution("g", 1, broken):
            with pytest.raises(ValueError, match="bad"):
                tools.execute_sync("search", {}, len)
    lines = [line for line in records.lines() if "asyncio" not in line]
    assert [line for line in lines if not line.startswith("DEBUG")] == [
        "WARNING end tool slow in 1.0 ms: ERROR: cancelled",
        "WARNING end function forgotten in 1.0 ms: ERROR: abandoned",
        "WARNING mark search: refused: no",
        "ERROR mark search: ERROR: g: ValueError: bad",
    ]


def test_a_custom_scope_has_its_subtype_and_an_end_without_a_start_no_duration(records):
    handle = scope.push("early", ScopeType.Custom, subtype="step")
    with subscribers.logging():
        handle.close()
    assert records.lines() == ["INFO end custom:step early"]


def test_text_of_others_stays_on_its_line(records):
    with subscribers.logging():
        scope.event("a\nERROR forged\x1b[2J" + "x" * 200)
    (line,) = records.lines()
    assert line.startswith("INFO mark a\\x0aERROR forged\\x1b[2Jxxx") and len(line) < 120


def test_percent_signs_are_text(records):
    with subscribers.logging():
        scope.event("100 %s %d")
    assert records.lines() == ["INFO mark 100 %s %d"]


def test_a_logger_of_ones_own_by_name_or_itself(records):
    with subscribers.logging("app.agents"):
        scope.event("a")
    with subscribers.logging(logging.getLogger("app.others"), name="others"):
        scope.event("b")
    assert [record.name for record in records.records] == ["app.agents", "app.others"]
    with pytest.raises(TypeError, match=r"logger must be a logging\.Logger or a name, not int"):
        subscribers.logging(7)
    with pytest.raises(TypeError, match=r"level must be int, such as logging\.INFO, not str"):
        subscribers.logging(level="INFO")


def test_it_is_in_force_only_between_adding_and_removing(records):
    registration = subscribers.logging()
    scope.event("before")
    with registration:
        with pytest.raises(InvalidState, match="added already"):
            registration.add()
        with pytest.raises(scopeflow.AlreadyExists, match="logging"):
            subscribers.logging().add()
        scope.event("inside")
    scope.event("after")
    registration.add()
    scope.event("again")
    assert registration.remove() and not registration.remove()
    assert records.lines() == ["INFO mark inside", "INFO mark again"]


class Payload(collections.abc.Mapping):
    """Counts how often it is encoded."""

    count = 0

    def __iter__(self):
        self.count += 1
        return iter(())

    def __len__(self):
        return 0

    def __getitem__(self, key):
        raise KeyError(key)


@pytest.fixture
def logger():
    logger = logging.getLogger("scopeflow.events")
    yield logger
    logger.setLevel(logging.NOTSET)


def test_what_a_logger_does_not_want_is_not_looked_at(records, logger):
    payload = Payload()
    logger.setLevel(logging.ERROR)
    with subscribers.logging(data=True), pytest.raises(LookupError):
        tools.execute_sync("broken", payload, fail)
    (line,) = records.lines()
    assert line == "ERROR end tool broken in 1.0 ms: ERROR: LookupError: nothing there"
    logger.setLevel(logging.CRITICAL + 1)
    with subscribers.logging(data=True):
        scope.event("m", data=payload)
        with scope.scope("s", ScopeType.Agent, input=payload):
            pass
    assert (payload.count, len(records.records)) == (0, 1)
    logger.setLevel(logging.NOTSET)
    with subscribers.logging(data=True):
        scope.event("m", data=payload)
    assert payload.count > 0


def test_a_usual_level_above_all_others(records, logger):
    logger.setLevel(logging.CRITICAL)
    with subscribers.logging(level=logging.CRITICAL):
        scope.event("m")
        scope.event("n", severity=LogSeverity.Error)
    assert records.lines() == ["CRITICAL mark m"]


@scopeflow.tool
def decorated(query):
    return query


def test_the_place_of_a_record_is_where_the_event_was_emitted(records):
    with subscribers.logging():
        scope.event("m")
        first = inspect.currentframe().f_lineno - 1
        decorated("x")
    assert {record.filename for record in records.records} == {"test_logging.py"}
    assert [record.lineno for record in records.records] == [first, first + 2, first + 2]
    assert records.records[0].funcName == (
        "test_the_place_of_a_record_is_where_the_event_was_emitted"
    )


def test_open_scopes_that_are_remembered_are_bounded(records, monkeypatch):
    monkeypatch.setattr(_logging, "OPEN_LIMIT", 3)
    with subscribers.logging():
        handles = [scope.push(str(number), ScopeType.Function) for number in range(5)]
        for handle in reversed(handles):
            handle.close()
    ends = [line.removeprefix("INFO end function ") for line in records.lines()[5:]]
    assert [" in " in end for end in ends] == [True, True, True, False, False]


def test_a_scope_that_was_open_before_is_forgotten(records):
    registration = subscribers.logging()
    with registration:
        handle = scope.push("s", ScopeType.Function)
    with registration:
        handle.close()
    assert records.lines()[-1] == "INFO end function s"


def test_threads_lose_nothing(records):
    def run():
        for _ in range(50):
            tools.execute_sync("t", {}, len)

    with subscribers.logging():
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(records.records) == 800
    assert sum(record.duration_ns is not None for record in records.records) == 400


class Raises(logging.Handler):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def emit(self, record):
        raise self.error


def test_a_handler_that_raises_fails_nobody(runtime, attach, records):
    attach(Raises(ValueError("out of paper")), "scopeflow.events")
    with subscribers.logging():
        assert tools.execute_sync("search", {}, len) == 0
    assert runtime.stats().subscriber_error_count == 2
    told = [line for line in records.lines() if "out of paper" in line]
    assert len(told) == 2 and "subscriber 'logging' failed" in told[0]


def test_a_handler_that_raises_for_every_logger_fails_nobody(runtime, attach, monkeypatch):
    told = []
    monkeypatch.setattr("sys.unraisablehook", told.append)
    attach(Raises(ValueError("out of paper")))
    with subscribers.logging():
        assert tools.execute_sync("search", {}, len) == 0
    assert runtime.stats().subscriber_error_count == 2
    assert [str(one.exc_value) for one in told] == ["out of paper"] * 2


def test_an_exit_in_a_handler_comes_out(attach):
    attach(Raises(KeyboardInterrupt()), "scopeflow.events")
    with subscribers.logging(), pytest.raises(KeyboardInterrupt):
        scope.event("m")


# --- Records as marks ---


@pytest.fixture
def events():
    with scopeflow_testing.capture() as events:
        yield events


def test_a_record_is_a_mark_of_the_current_scope(attach, events):
    logger = attach(scopeflow.logging_handler(), "app.search")
    with scope.scope("agent", ScopeType.Agent) as handle:
        logger.warning("cache is %s", "cold")
        line = inspect.currentframe().f_lineno - 1
    mark = events.find("app.search", phase="mark")
    assert mark.parent_uuid == handle.uuid
    assert mark.data == "cache is cold"
    assert mark.severity is LogSeverity.Warn
    assert mark.metadata == {
        "python.logger": "app.search",
        "code.file.path": __file__,
        "code.line.number": line,
        "code.function.name": "test_a_record_is_a_mark_of_the_current_scope",
        "nemo_relay.log.severity": "warn",
    }


@pytest.mark.parametrize(
    ("level", "severity"),
    [(1, "Trace"), (9, "Trace"), (10, "Debug"), (19, "Debug"), (20, "Info"), (29, "Info"),
     (30, "Warn"), (39, "Warn"), (40, "Error"), (50, "Error")],
)  # fmt: skip
def test_the_severity_of_a_mark_is_the_level(attach, events, level, severity):
    attach(scopeflow.logging_handler(), "app").log(level, "m")
    assert events[0].severity is getattr(LogSeverity, severity)


def test_an_exception_is_told_by_type_and_text(attach, events):
    logger = attach(scopeflow.logging_handler(), "app")
    try:
        raise LookupError("nothing there")
    except LookupError:
        logger.exception("search failed")
    logger.error("no exception", exc_info=True)
    assert events[0].data == "search failed"
    assert events[0].metadata["exception.type"] == "LookupError"
    assert events[0].metadata["exception.message"] == "nothing there"
    assert "exception.type" not in events[1].metadata


def test_levels_filters_and_formatters_are_those_of_every_handler(attach, events):
    handler = scopeflow.logging_handler("INFO")
    handler.addFilter(lambda record: record.msg != "secret")
    logger = attach(handler, "app")
    logger.debug("low")
    logger.info("secret")
    logger.info("plain")
    handler.setFormatter(logging.Formatter("<%(levelname)s %(message)s>"))
    logger.info("formatted")
    assert [event.data for event in events] == ["plain", "<INFO formatted>"]


def test_a_filter_may_give_another_record(attach, events):
    class Rewrites(logging.Filter):
        def filter(self, record):
            return logging.makeLogRecord({**vars(record), "msg": "rewritten"})

    handler = scopeflow.logging_handler()
    record = logging.makeLogRecord({"name": "app", "msg": "m", "levelno": 20})
    handler.addFilter(Rewrites())
    handler.handle(record)
    # Until 3.12 a filter only says whether.
    assert [event.data for event in events] in (["rewritten"], ["m"])


def test_it_can_be_made_by_a_configuration(events):
    configuration = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"marks": {"()": "scopeflow.logging_handler", "level": "WARNING"}},
        "loggers": {"app.configured": {"handlers": ["marks"], "level": "DEBUG"}},
    }
    logging.config.dictConfig(configuration)
    logger = logging.getLogger("app.configured")
    try:
        logger.info("low")
        logger.warning("high")
    finally:
        logger.handlers.clear()
    assert [event.data for event in events] == ["high"]


def test_a_runtime_of_ones_own(attach, events):
    other = scopeflow.Runtime()
    seen = []
    other.register_subscriber("s", lambda event: seen.append(event.data))
    attach(scopeflow.logging_handler(runtime=other), "app").info("m")
    assert (seen, len(events)) == (["m"], 0)


def test_a_record_that_cannot_be_formatted_fails_nobody(attach, events, capsys, monkeypatch):
    logger = attach(scopeflow.logging_handler(), "app")
    monkeypatch.setattr(logger, "propagate", False)  # To pytest, which raises.
    logger.info("%d", "no number")
    logger.info("fine")
    assert [event.data for event in events] == ["fine"]
    assert "TypeError" in capsys.readouterr().err


def test_after_the_runtime_was_closed_it_is_silent(attach, capsys):
    other = scopeflow.Runtime()
    logger = attach(scopeflow.logging_handler(runtime=other), "app")
    other.close()
    logger.info("late")
    assert capsys.readouterr().err == ""


def test_a_subscriber_that_waits_keeps_no_other_thread_from_logging(attach, events):
    entered, leave = threading.Event(), threading.Event()

    def waits(event):
        if event.data == "slow":
            entered.set()
            assert leave.wait(60)

    logger = attach(scopeflow.logging_handler(), "app")
    with subscribers.subscriber("waits", waits):
        slow = threading.Thread(target=logger.info, args=("slow",))
        slow.start()
        assert entered.wait(10)
        quick = threading.Thread(target=logger.info, args=("quick",))
        quick.start()
        quick.join(10)  # Far less than the slow one waits.
        is_done = not quick.is_alive()
        leave.set()
        slow.join()
        quick.join()
    assert is_done
    assert sorted(event.data for event in events) == ["quick", "slow"]


def test_threads_log_at_once(attach, events):
    logger = attach(scopeflow.logging_handler(), "app")

    def run():
        for number in range(100):
            logger.info("%d", number)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(event.data) for event in events) == sorted([*range(100)] * 4)


# --- Without end ---


@pytest.mark.parametrize("name", [None, "app.events"])
def test_both_directions_at_once_end(attach, records, events, name):
    attach(scopeflow.logging_handler())
    with subscribers.logging(name):
        work()
        logging.getLogger("app").info("said")
    assert len(events) == 8
    assert [event.data for event in events if event.name == "app"] == ["said"]
    # A record that became a mark has been logged already.
    assert len(records.records) == 8
    assert sum("said" in line for line in records.lines()) == 1


def test_records_that_come_later_by_a_queue_end_too(attach, events):
    passed_on = queue.SimpleQueue()
    handler = scopeflow.logging_handler()
    attach(logging.handlers.QueueHandler(passed_on), "app")
    with subscribers.logging("app"):
        scope.event("m")
        handler.handle(passed_on.get(timeout=10))
    assert [event.name for event in events] == ["m"]


def test_what_a_subscriber_logs_is_no_mark(attach, events):
    logger = logging.getLogger("app")

    def talks(event):
        logger.info("got %s", event.name)

    attach(scopeflow.logging_handler(), "app")
    with subscribers.subscriber("talks", talks):
        work()
        logger.info("said")
    assert [event.data for event in events if event.name == "app"] == ["said"]
    logger.info("later")
    assert events[-1].data == "later"


def test_a_subscriber_that_fails_is_no_mark(runtime, attach, records, events):
    def fails(event):
        raise ValueError("boom")

    attach(scopeflow.logging_handler())
    with subscribers.subscriber("fails", fails):
        scope.event("m")
    assert [event.name for event in events] == ["m"]
    assert runtime.stats().subscriber_error_count == 1
    assert any("boom" in line for line in records.lines())
    logging.getLogger("scopeflow").warning("told")
    logging.getLogger("scopeflows").warning("another one")
    assert [event.name for event in events] == ["m", "scopeflows"]


def test_what_a_sanitizer_of_marks_logs_is_no_mark_inside_a_mark(attach, events):
    logger = attach(scopeflow.logging_handler(), "app")

    def talks(event, fields):
        logger.info("sanitizing")
        return fields

    with guardrails.mark_sanitize("talks", 1, talks):
        logger.info("said")
        scope.event("m")
    assert [event.data for event in events].count("said") == 1
    assert len(events) == 3
    logger.info("later")
    assert events[-1].data == "later"


def test_that_a_subscriber_is_served_is_known_for_its_time_only(runtime):
    from scopeflow._native import is_serving

    seen = []

    def fails(event):
        seen.append(is_serving())
        other = threading.Thread(target=lambda: seen.append(is_serving()))
        other.start()
        other.join()
        raise ValueError("boom")

    with subscribers.subscriber("fails", fails):
        scope.event("m")
    assert (seen, is_serving()) == ([True, False], False)
