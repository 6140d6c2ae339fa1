"""The file sink and processes that fork, exit, are killed, share a file or fill a disk.

`test_sink_processes.py SINK_PROGRAM [SANITIZERS]`. Whatever happens, the file has whole lines,
those of one thread in their order, and none twice (S1.13, S5.6).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PROGRAM = sys.argv[1]
# With a sanitizer a child can do less than without. The allocator of AddressSanitizer keeps its
# locks over a fork as other threads had them, and may then wait for ever. ThreadSanitizer lets a
# child start no thread, "dup thread with used id", because it does not see that the parent's ended.
SANITIZERS = sys.argv[2] if len(sys.argv) > 2 else ""
SCHEMA = Path(__file__).parents[2] / "spec/atof.schema.json"
QUEUED = "delivery=1"
ENVIRONMENT = {
    **os.environ,
    # To a child it seems that it never joins the parent's threads.
    "TSAN_OPTIONS": "die_after_fork=0 report_thread_leaks=0",
    # What the parent's threads held when it forked is nobody's in the child.
    "ASAN_OPTIONS": "detect_leaks=0",
}
PATIENCE_S = 60


def start(path: Path, end: str, *options: str) -> subprocess.Popen[str]:
    command = [PROGRAM, str(path), end, *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )


def finish(process: subprocess.Popen[str]) -> int:
    """What it returned. One that hangs is killed with its children."""
    try:
        process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode


def run(path: Path, end: str, *options: str) -> None:
    returned = finish(start(path, end, *options))
    assert returned == 0, returned


def events(text: bytes) -> list[dict]:
    assert text == b"" or text.endswith(b"\n"), f"half a line: {text[-80:]!r}"
    return [json.loads(line) for line in text.splitlines()]


def numbers_by_thread(found: list[dict]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for event in found:
        if event["name"] != "events dropped":
            thread, number = event["name"].split(".")
            numbers[thread].append(int(number))
    return numbers


def check_complete(path: Path, counts: dict[str, int]) -> None:
    """Every thread's events, each once, in their order."""
    numbers = numbers_by_thread(events(path.read_bytes()))
    assert set(numbers) == set(counts), set(numbers)
    for thread, count in counts.items():
        assert numbers[thread] == list(range(count)), f"{thread}: {len(numbers[thread])} of {count}"


# --- Exits ---


def test_an_exit_without_a_flush_loses_nothing(folder: Path) -> None:
    for i in range(20):
        path = folder / f"{i}.jsonl"
        run(path, "return", QUEUED, "threads=4", "events=300", "delay=100000000")
        check_complete(path, {str(thread): 300 for thread in range(4)})


def test_what_is_written_at_once_needs_no_exit(folder: Path) -> None:
    run(folder / "a", "_exit", "threads=4", "events=300")
    check_complete(folder / "a", {str(thread): 300 for thread in range(4)})


def test_an_exit_does_not_wait_for_a_disk_that_is_stuck(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDWR | os.O_NONBLOCK)
    # The program ends although nobody reads the pipe, which takes less than this.
    run(folder / "pipe", "return", QUEUED, "events=3000", "overflow=1", "exit_timeout=1000000")
    os.close(reader)


# --- Kills ---


def killed_at_random(path: Path, *options: str) -> bytes:
    """What a process leaves that is killed while it emits; half a line may be its last."""
    process = start(path, "wait", "threads=4", "events=100000000", *options)
    while not path.exists() or path.stat().st_size == 0:
        time.sleep(0.001)
    time.sleep(random.uniform(0.0, 0.03))
    process.send_signal(signal.SIGKILL)
    finish(process)
    return path.read_bytes()


def check_killed(folder: Path, *options: str) -> None:
    """A kill can stop the kernel within a write, and only there: the next sink ends that line."""
    half_count = 0
    for i in range(15):
        path = folder / f"{i}{len(options)}"
        text = killed_at_random(path, *options)
        whole, _, half = text.rpartition(b"\n")
        half_count += half != b""
        for numbers in numbers_by_thread(events(whole + b"\n")).values():
            assert numbers == list(range(len(numbers))), "not the first events of the thread"
        run(path, "flush", "first=9", "events=3")
        lines = path.read_bytes().splitlines(keepends=True)
        assert [line for line in lines[-3:] if b'"name":"9.' in line] == lines[-3:]
        assert b"".join(lines[:-3]) == text + (b"\n" if half else b"")
    print(f"  {half_count} of 15 kills cut a write", *options)


def test_a_kill_leaves_a_prefix_of_whole_lines(folder: Path) -> None:
    check_killed(folder)
    check_killed(folder, QUEUED)
    check_killed(folder, QUEUED, "queue=4096", "delay=0")


# --- Forks ---


def test_a_child_writes_only_its_own(folder: Path) -> None:
    if SANITIZERS == "thread":
        print("  left out: with ThreadSanitizer a child starts no worker")
        return
    more_options, more_lines = (["pauses=1"], {"7": 2}) if SANITIZERS else ([], {})
    for i in range(10):
        path = folder / f"{i}.jsonl"
        # The parent's lines still wait when it forks.
        options = [QUEUED, "threads=1", "events=200", "forks=1", "delay=100000000", *more_options]
        run(path, "return", *options)
        check_complete(path, {"0": 200, "8": 20, **more_lines})


FORKING_SINKS = (
    [],
    [QUEUED],
    [QUEUED, "queue=4096", "delay=0"],
    [QUEUED, "queue=4096", "overflow=2"],
)


def check_forks(folder: Path, *more_options: str) -> None:
    for i, options in enumerate(FORKING_SINKS):
        if QUEUED in options and SANITIZERS == "thread":
            print("  left out: with ThreadSanitizer a child starts no worker")
            break
        path = folder / str(i)
        run(path, "return", "threads=4", "events=4000", "forks=8", *options, *more_options)
        expected = {str(thread): 4000 for thread in range(4)}
        expected |= {str(8 + i): 20 for i in range(8)} | ({"7": 16} if more_options else {})
        check_complete(path, expected)
        assert list(folder.glob("*.spill*")) == []


def test_forks_between_events(folder: Path) -> None:
    check_forks(folder, "pauses=1")


def test_forks_while_other_threads_emit(folder: Path) -> None:
    if SANITIZERS:
        print("  left out: another thread may hold a lock of the sanitizer")
    else:
        check_forks(folder)


# --- Several processes ---


def share(path: Path, *options: str) -> None:
    processes = [
        start(path, "return", f"first={2 * i}", "threads=2", "events=3000", *options)
        for i in range(3)
    ]
    for process in processes:
        assert finish(process) == 0


def test_processes_append_to_one_file(folder: Path) -> None:
    for options in ([], [QUEUED]):
        path = folder / f"shared{len(options)}"
        share(path, *options)
        check_complete(path, {str(thread): 3000 for thread in range(6)})


def test_processes_rotate_one_file(folder: Path) -> None:
    for options in ([], [QUEUED]):
        path = folder / f"rotated{len(options)}"
        share(path, "file_limit=200000", "kept=1000", *options)
        files = [path, *sorted(folder.glob(f"{path.name}.*"))]
        assert len(files) > 10
        found = [event for file in files for event in events(file.read_bytes())]
        numbers = numbers_by_thread(found)
        assert {thread: sorted(got) for thread, got in numbers.items()} == {
            str(thread): list(range(3000)) for thread in range(6)
        }


# --- Disks ---


@contextlib.contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[bool]:
    """Whether it could be mounted."""
    command = ["mount", *arguments, str(folder)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(command, capture_output=True).returncode == 0:
            try:
                yield True
            finally:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
            return
    print("  left out: nothing can be mounted here")
    yield False


def when_full(path: Path) -> list[int]:
    """The events in the file when a worker has filled the disk."""
    deadline = time.monotonic() + PATIENCE_S
    numbers: list[int] = []
    while len(numbers) <= 100 and time.monotonic() < deadline:
        time.sleep(0.05)
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        numbers = numbers_by_thread(events(whole + b"\n" if whole else b""))["0"]
    return numbers


def test_a_disk_that_is_full_has_whole_lines(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=100k", "tmpfs") as is_mounted:
        for options in ([], [QUEUED], [QUEUED, "queue=4096"]) if is_mounted else []:
            path = disk / "a"
            process = start(path, "wait", "events=2000", *options)
            assert process.stdout is not None and process.stdout.readline() == "emitted\n"
            numbers = when_full(path)
            process.kill()
            process.communicate()
            assert numbers == list(range(len(numbers))) and 100 < len(numbers) < 2000
            path.unlink()


def test_a_folder_that_is_read_only_is_told(folder: Path) -> None:
    (folder / "only").mkdir()
    with mounted(folder / "only", "-t", "tmpfs", "-o", "ro", "tmpfs") as is_mounted:
        if is_mounted:
            assert finish(start(folder / "only/a", "return")) == -signal.SIGABRT


# --- The mark ---


def test_the_mark_is_an_event(folder: Path) -> None:
    import jsonschema

    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDWR | os.O_NONBLOCK)
    process = start(folder / "pipe", "return", QUEUED, "events=3000", "overflow=1", "queue=4096")
    text = b""
    while process.poll() is None or b'"events dropped"' not in text:
        with contextlib.suppress(BlockingIOError):
            text += os.read(reader, 65536)
    os.close(reader)
    found = events(text[: text.rindex(b"\n") + 1])
    marks = [event for event in found if event["name"] == "events dropped"]
    ours = [event for event in found if event["name"] != "events dropped"]
    for mark in marks:
        jsonschema.validate(mark, json.loads(SCHEMA.read_text()))
        assert list(mark) == list(ours[0]), "the keys stand in the order of every event"
        assert mark["parent_uuid"] == ours[0]["parent_uuid"], "the root"
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab].*", mark["uuid"])
        assert abs(stamp(mark) - stamp(ours[0])) < 3600
    assert len({event["uuid"] for event in found}) == len(found)
    assert marks and sum(mark["data"]["dropped"] for mark in marks) <= 3000


def stamp(event: dict) -> float:
    text = event["timestamp"]
    moment = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    assert re.fullmatch(r"\.\d{9}Z", text[19:])
    import calendar

    return calendar.timegm(moment)


def main() -> int:
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(Path(folder))
            except (AssertionError, ValueError, subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"{type(problem).__name__}: {problem}")
                print(f"FAILED: {name}")
                continue
        print(f"ok: {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
