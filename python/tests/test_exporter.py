"""The file sink: an event a line, whole lines, 0600."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

import scopeflow
from scopeflow import AtofExporter, AtofExporterConfig, AtofExporterMode, ScopeType


def exporter_of(runtime, path, mode=AtofExporterMode.Append):
    config = AtofExporterConfig()
    config.output_directory = path.parent
    config.filename = path.name
    config.mode = mode
    return AtofExporter(config, runtime=runtime)


def test_every_event_is_a_line(runtime, log, tmp_path):
    path = tmp_path / "new" / "folder" / "events.jsonl"
    exporter = exporter_of(runtime, path)
    assert exporter.path == str(path)
    exporter.register("file")
    with runtime.scope("a", ScopeType.Agent, input={"text": "line\nbreak ä"}):
        runtime.tool_execute_sync("t", [1], str)
    exporter.force_flush()
    lines = path.read_text("utf-8").splitlines()
    assert lines == [event.to_json() for event in log.events]
    assert [json.loads(line) for line in lines] == [event.to_dict() for event in log.events]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_append_and_overwrite(runtime, tmp_path):
    path = tmp_path / "events.jsonl"
    for mode, expected in (
        (AtofExporterMode.Append, 1),
        (AtofExporterMode.Append, 2),
        (AtofExporterMode.Overwrite, 1),
    ):
        exporter = exporter_of(runtime, path, mode)
        exporter.register("file")
        runtime.scope_event("m")
        exporter.shutdown()
        assert len(path.read_text().splitlines()) == expected


def test_registering_and_shutting_down(runtime, tmp_path):
    path = tmp_path / "events.jsonl"
    exporter = exporter_of(runtime, path)
    exporter.register("file")
    with pytest.raises(scopeflow.AlreadyExists):
        exporter.register("file")
    assert exporter.deregister("unknown") is False
    assert exporter.deregister("file") is True
    runtime.scope_event("unheard")
    exporter.register("again")
    runtime.scope_event("heard")
    exporter.shutdown()
    exporter.shutdown()
    runtime.scope_event("unheard")
    with pytest.raises(scopeflow.InvalidState, match="has been shut down"):
        exporter.register("file")
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["heard"]


def test_somebody_elses_registration_is_not_removed(runtime, log, tmp_path):
    exporter = exporter_of(runtime, tmp_path / "events.jsonl")
    assert exporter.deregister("log") is False
    runtime.scope_event("m")
    assert log.story() == ["mark m"]


def test_a_file_that_cannot_be_opened_is_told_at_once(runtime, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(scopeflow.InvalidState, match=r"file/events.jsonl"):
        exporter_of(runtime, tmp_path / "file" / "events.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_disk_that_is_full_is_told_at_the_flush(runtime, tmp_path):
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    exporter = exporter_of(runtime, tmp_path / "events.jsonl")
    exporter.register("file")
    assert runtime.tool_execute_sync("t", 1, str) == "1", "observing never fails a call (S4.4)"
    with pytest.raises(scopeflow.InvalidState):
        exporter.force_flush()
    exporter.force_flush()


def test_several_processes_may_append_to_one_file(tmp_path):
    program = """
import sys
from scopeflow import AtofExporter, AtofExporterConfig, scope
config = AtofExporterConfig()
config.output_directory, config.filename = sys.argv[1], "events.jsonl"
AtofExporter(config).register("file")
for i in range(500):
    scope.event("m", data={"n": i, "text": "x" * (i % 97)})
"""
    children = [subprocess.Popen([sys.executable, "-c", program, tmp_path]) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["data"]["n"] for line in lines) == sorted(list(range(500)) * 4)


def test_the_defaults_say_where_they_write():
    config = AtofExporterConfig()
    assert config.output_directory == os.getcwd()
    assert str(os.getpid()) in config.filename
    assert config.mode is AtofExporterMode.Append
    assert config.filename in repr(config)
