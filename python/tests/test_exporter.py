"""The file sink: an event a line, whole lines, 0600."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections import Counter

import pytest

import scopeflow
from scopeflow import (
    AtofExporter,
    AtofExporterConfig,
    AtofExporterMode,
    ScopeType,
    SinkDelivery,
    SinkOverflow,
)


def exporter_of(runtime, path, mode=AtofExporterMode.Append, **options):
    config = AtofExporterConfig()
    config.output_directory = path.parent
    config.filename = path.name
    config.mode = mode
    for name, value in options.items():
        assert hasattr(config, name), name
        setattr(config, name, value)
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
@pytest.mark.parametrize("delivery", [SinkDelivery.Queued, SinkDelivery.Written])
def test_a_disk_that_is_full_is_told_at_the_flush(runtime, tmp_path, delivery):
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    exporter = exporter_of(runtime, tmp_path / "events.jsonl", delivery=delivery)
    exporter.register("file")
    assert runtime.tool_execute_sync("t", 1, str) == "1", "observing never fails a call (S4.4)"
    with pytest.raises(scopeflow.InvalidState, match="No space left"):
        exporter.force_flush()
    if delivery is SinkDelivery.Written:
        exporter.force_flush()
        assert exporter.stats().lost_event_count == 2
        return
    with pytest.raises(scopeflow.InvalidState, match="events that still wait to be written: 2"):
        exporter.shutdown()
    with pytest.raises(scopeflow.InvalidState, match="has been shut down"):
        exporter.stats()


@pytest.mark.parametrize("delivery", [SinkDelivery.Queued, SinkDelivery.Written])
def test_a_failure_is_logged_once_until_it_is_over(runtime, tmp_path, caplog, delivery):
    folder = tmp_path / "folder"
    exporter = exporter_of(runtime, folder / "events.jsonl", delivery=delivery, delay_ns=0)
    exporter.register("file")
    for spell in (1, 2):
        shutil.rmtree(folder)
        while len(caplog.messages) < spell:
            runtime.scope_event("m")
        for _ in range(50):
            runtime.scope_event("m")
        assert len(caplog.messages) == spell, "told once"
        folder.mkdir()
        while exporter.stats().queued_event_count or not (folder / "events.jsonl").exists():
            runtime.scope_event("m")
    message = f"writing to '{folder}/events.jsonl' failed: No such file or directory"
    assert caplog.messages == [message] * 2
    with pytest.raises(scopeflow.InvalidState, match="No such file"):
        exporter.force_flush()


def test_a_flush_lets_other_threads_run(runtime, tmp_path):
    """The pipe is read by a thread of this process, without which the flush could not end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    exporter = exporter_of(runtime, path, overflow=SinkOverflow.Drop)
    exporter.register("file")
    for _ in range(2000):  # More than a pipe holds.
        runtime.scope_event("m")
    with pytest.raises(scopeflow.LimitExceeded, match="still wait"):
        exporter.force_flush(0.0)
    os.set_blocking(reader, True)
    lines = []
    with open(reader) as file:
        thread = threading.Thread(target=lambda: lines.extend(file))
        thread.start()
        exporter.force_flush(60.0)
        exporter.shutdown()
        thread.join()
    assert len(lines) == 2000


def test_what_is_dropped_is_counted_and_told(runtime, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    exporter = exporter_of(
        runtime, path, overflow=SinkOverflow.Drop, queue_event_limit=10, exit_timeout_ns=0
    )
    exporter.register("file")
    while exporter.stats().dropped_event_count < 5:
        runtime.scope_event("m", data="x" * 1000)
    dropped = exporter.stats().dropped_event_count
    with open(reader) as file:
        lines = []
        while exporter.stats().queued_event_count or not lines or "dropped" not in lines[-1]:
            lines.extend(file.readlines())
    mark = json.loads(lines[-1])
    assert (mark["name"], mark["data"]) == ("events dropped", {"dropped": dropped})


def test_a_file_is_rotated(runtime, tmp_path):
    path = tmp_path / "events.jsonl"
    exporter = exporter_of(runtime, path, file_limit_bytes=2000, kept_file_count=2)
    exporter.register("file")
    for i in range(100):
        runtime.scope_event(f"m{i}")
    exporter.shutdown()
    names = ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert sorted(os.listdir(tmp_path)) == names
    kept = [tmp_path / name for name in reversed(names)]
    assert all(0 < file.stat().st_size <= 2000 for file in kept)
    found = [json.loads(line)["name"] for file in kept for line in file.read_text().splitlines()]
    assert found == [f"m{i}" for i in range(100 - len(found), 100)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("delivery", ["Queued", "Written"])
def test_a_fork_writes_nothing_twice_and_loses_nothing(tmp_path, delivery):
    """S1.13: with what the parent has queued, and from within threads."""
    program = """
import os, sys, threading
from scopeflow import AtofExporter, AtofExporterConfig, ScopeType, SinkDelivery, scope
config = AtofExporterConfig()
config.output_directory, config.filename = sys.argv[1], "events.jsonl"
config.delivery = getattr(SinkDelivery, sys.argv[2])
config.delay_ns = 100_000_000
AtofExporter(config).register("file")
def emit(who):
    for i in range(200):
        scope.event(f"{who} {i}")
def fork(who):
    child = os.fork()
    if child == 0:
        emit(who)
        sys.exit(0)
    emit(f"after {who}")
    assert os.waitpid(child, 0)[1] == 0
emit("before")
with scope.scope("open", ScopeType.Agent):
    for i in range(5):
        fork(f"child {i}")
threads = [threading.Thread(target=emit, args=(f"thread {i}",)) for i in range(3)]
for thread in threads: thread.start()
fork("last child")
for thread in threads: thread.join()
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, tmp_path, delivery],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    by_name = Counter(json.loads(line)["name"] for line in lines)
    assert by_name.pop("open") == 2, "its start and its end, by the parent"
    children = [f"child {i}" for i in range(5)] + ["last child"]
    who = ["before", *children, *(f"after {child}" for child in children)]
    who += [f"thread {i}" for i in range(3)]
    assert by_name == {f"{each} {i}": 1 for each in who for i in range(200)}


def test_an_exit_does_not_wait_for_long(tmp_path):
    """Nobody reads the pipe; the exit's deadline passes and the process ends cleanly."""
    program = """
import os, sys
from scopeflow import AtofExporter, AtofExporterConfig, SinkOverflow, scope
os.mkfifo(sys.argv[1] + "/pipe")
reader = os.open(sys.argv[1] + "/pipe", os.O_RDONLY | os.O_NONBLOCK)
config = AtofExporterConfig()
config.output_directory, config.filename = sys.argv[1], "pipe"
config.overflow, config.exit_timeout_ns = SinkOverflow.Drop, 1_000_000
AtofExporter(config).register("file")
for i in range(3000):
    scope.event("m")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")


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


def test_a_closed_runtime_takes_no_exporter(tmp_path):
    runtime = scopeflow.Runtime()
    exporter = exporter_of(runtime, tmp_path / "events.jsonl")
    runtime.close()
    with pytest.raises(scopeflow.InvalidState, match="closed"):
        exporter.register("file")
    exporter.shutdown()
