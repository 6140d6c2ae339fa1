"""Settings: one table of environment variables, read when asked (S7.2, S7.3)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

import scopeflow
from scopeflow import (
    AlreadyExists,
    AtofExporterMode,
    InvalidArgument,
    InvalidState,
    ScopeType,
    SinkDelivery,
    SinkOverflow,
    scope,
    settings,
    subscribers,
    testing,
)

GOOD = {
    "SCOPEFLOW_ATOF_PATH": ("events.jsonl", "events.jsonl"),
    "SCOPEFLOW_ATOF_MODE": ("Overwrite", AtofExporterMode.Overwrite),
    "SCOPEFLOW_ATOF_DELIVERY": ("written", SinkDelivery.Written),
    "SCOPEFLOW_ATOF_OVERFLOW": ("spill", SinkOverflow.Spill),
    "SCOPEFLOW_ATOF_QUEUE_LIMIT_BYTES": ("4096", 4096),
    "SCOPEFLOW_ATOF_QUEUE_EVENT_LIMIT": ("1", 1),
    "SCOPEFLOW_ATOF_SPILL_LIMIT_BYTES": ("1099511627776", 1 << 40),
    "SCOPEFLOW_ATOF_DELAY_NS": ("0", 0),
    "SCOPEFLOW_ATOF_EXIT_TIMEOUT_NS": ("3600000000000", 3_600_000_000_000),
    "SCOPEFLOW_ATOF_FILE_LIMIT_BYTES": ("1000000", 1_000_000),
    "SCOPEFLOW_ATOF_KEPT_FILE_COUNT": ("1000", 1000),
    "SCOPEFLOW_PAYLOAD_BUDGET": ("64", 64),
    "SCOPEFLOW_CREDENTIAL_HEADERS": ("x-secret", "x-secret"),
    "SCOPEFLOW_CONSOLE": ("1", True),
    "SCOPEFLOW_LOG_LEVEL": ("debug", "DEBUG"),
}
BAD = {
    "SCOPEFLOW_ATOF_MODE": ("apend", "append, overwrite"),
    "SCOPEFLOW_ATOF_DELIVERY": ("1", "written, queued"),
    "SCOPEFLOW_ATOF_OVERFLOW": ("wait", "block, drop, spill"),
    "SCOPEFLOW_ATOF_QUEUE_LIMIT_BYTES": ("4095", "an integer from 4096 to 1099511627776"),
    "SCOPEFLOW_ATOF_QUEUE_EVENT_LIMIT": ("4294967296", "an integer from 1 to 4294967295"),
    "SCOPEFLOW_ATOF_DELAY_NS": ("1s", "an integer from 0 to 100000000"),
    "SCOPEFLOW_ATOF_KEPT_FILE_COUNT": ("-1", "an integer from 1 to 1000"),
    "SCOPEFLOW_PAYLOAD_BUDGET": ("1.5", "an integer from 64 to 1073741824"),
    "SCOPEFLOW_CONSOLE": ("yes", "0, 1"),
    "SCOPEFLOW_LOG_LEVEL": ("loud", "debug, info, warning, error, critical"),
}


@pytest.fixture(autouse=True)
def isolation():
    with testing.isolated():
        yield


def environment(tmp_path, **more):
    return {
        "SCOPEFLOW_ATOF_PATH": str(tmp_path / "new" / "events.jsonl"),
        "SCOPEFLOW_ATOF_DELIVERY": "written",
        "HOME": "/",
        **more,
    }


def test_the_table_is_all_there_is():
    assert [setting.variable for setting in settings.TABLE] == list(GOOD)
    for setting in settings.TABLE:
        assert setting.doc.endswith(".") and setting.allowed
    assert set(vars(scopeflow.AtofExporterConfig())) - {"output_directory", "filename"} == {
        setting.key for setting in settings.TABLE if setting.of == "atof"
    } - {"path"}


def test_good_values():
    loaded = settings.load({name: text for name, (text, _) in GOOD.items()})
    assert loaded.values == {name: value for name, (_, value) in GOOD.items()}
    assert "SCOPEFLOW_LOG_LEVEL" in repr(loaded)


def test_the_limits_are_those_of_the_core(tmp_path):
    given = {name: text for name, (text, _) in GOOD.items() if "ATOF" in name}
    given["SCOPEFLOW_ATOF_PATH"] = str(tmp_path / "events.jsonl")
    settings.apply(environment=given).shutdown()
    for setting in settings.TABLE:
        if setting.allowed.startswith("an integer"):
            low, high = (text for text in setting.allowed.split() if text.isdigit())
            for text in (low, high):
                more = {setting.variable: text}
                loaded = settings.load(environment(tmp_path, **more))
                loaded.apply(loaded.new_runtime()).shutdown()


@pytest.mark.parametrize("name", BAD)
def test_bad_values_name_variable_value_and_what_is_allowed(name):
    text, allowed = BAD[name]
    with pytest.raises(InvalidArgument) as caught:
        settings.load({"SCOPEFLOW_ATOF_PATH": "p", name: text})
    assert str(caught.value) == f"invalid argument: {name} is {text!r}; allowed: {allowed}"
    assert caught.value.__cause__ is None


def test_unknown_variables_are_refused():
    with pytest.raises(InvalidArgument, match="SCOPEFLOW_ATOF_PTAH is no setting; there are SCOPE"):
        settings.load({"SCOPEFLOW_ATOF_PTAH": "x"})


def test_what_has_no_effect_is_refused():
    with pytest.raises(InvalidArgument, match="ATOF_MODE is set and SCOPEFLOW_ATOF_PATH is not"):
        settings.load({"SCOPEFLOW_ATOF_MODE": "append"})


def test_an_empty_variable_is_not_set():
    loaded = settings.load(dict.fromkeys(GOOD, ""))
    assert loaded.values == {}
    assert repr(loaded) == "<settings none>"
    with loaded.apply() as applied:
        assert applied.exporter is None


def test_the_process_environment_is_the_default(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)  # Such as the depth of the tests.
    for name, text in environment(tmp_path).items():
        monkeypatch.setenv(name, text)
    with settings.apply() as applied:
        scope.event("m")
    assert applied.exporter.path == str(tmp_path / "new" / "events.jsonl")
    (line,) = (tmp_path / "new" / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["name"] == "m"


def test_applying_and_shutting_down(tmp_path, capsys):
    logger = logging.getLogger("scopeflow")
    level = logger.level
    given = environment(tmp_path, SCOPEFLOW_CONSOLE="1", SCOPEFLOW_LOG_LEVEL="error")
    applied = settings.apply(environment=given)
    assert logger.level == logging.ERROR
    with scope.scope("s", ScopeType.Agent):
        pass
    applied.shutdown()
    applied.shutdown()
    assert logger.level == level
    scope.event("after")
    assert len((tmp_path / "new" / "events.jsonl").read_text().splitlines()) == 2
    assert "agent s" in capsys.readouterr().err
    with settings.apply(environment=given):
        pass


def test_a_failure_changes_nothing(tmp_path):
    logger = logging.getLogger("scopeflow")
    level = logger.level
    given = environment(tmp_path, SCOPEFLOW_CONSOLE="1", SCOPEFLOW_LOG_LEVEL="error")
    with subscribers.subscriber(f"{settings.NAME}.console", len):
        with pytest.raises(AlreadyExists):
            settings.apply(environment=given)
    assert logger.level == level
    assert subscribers.deregister(settings.NAME) is False
    with settings.apply(environment=given):
        with pytest.raises(AlreadyExists):
            settings.apply(environment=given)
    directory = environment(tmp_path, SCOPEFLOW_ATOF_PATH=str(tmp_path))
    with pytest.raises(InvalidState, match="irectory"):
        settings.apply(environment=directory)


def test_options_of_a_new_runtime():
    given = {"SCOPEFLOW_PAYLOAD_BUDGET": "64", "SCOPEFLOW_CREDENTIAL_HEADERS": "x-secret"}
    loaded = settings.load(given)
    with pytest.raises(InvalidState, match="SCOPEFLOW_PAYLOAD_BUDGET is for a new runtime"):
        loaded.apply()
    with pytest.raises(InvalidState):
        loaded.apply(scopeflow.Runtime())
    runtime = loaded.new_runtime()
    with loaded.apply(runtime), testing.capture(runtime) as events:
        runtime.scope_event("m", data={"text": "x" * 1_000})
    assert events[0].data["$truncated"] == 64
    assert runtime.runtime_is_credential_header("X-Secret") is True
    assert runtime.runtime_is_credential_header("authorization") is False


def test_an_exporter_is_of_the_runtime_that_is_given(tmp_path):
    runtime = scopeflow.Runtime()
    with settings.apply(runtime, environment=environment(tmp_path)) as applied:
        scope.event("elsewhere")
        runtime.scope_event("here")
    (line,) = (tmp_path / "new" / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["name"] == "here"
    assert not runtime.deregister_subscriber(settings.NAME)
    assert settings.NAME == "scopeflow.settings"
    assert applied.exporter is not None


def test_importing_reads_no_environment_variable():
    program = (
        "import os\n"
        "class Watched(dict):\n"
        "    def get(self, *a): raise SystemExit(f'read {a}')\n"
        "    __getitem__ = get\n"
        "import contextlib, typing, collections.abc\n"
        "os.environ = Watched()\n"
        "os.getenv = os.environ.get\n"
        "import scopeflow, scopeflow.settings\n"
        "print('done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "done\n", done.stderr
