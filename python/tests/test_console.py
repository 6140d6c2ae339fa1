"""The console: what happens, as it happens, as an indented tree."""

from __future__ import annotations

import asyncio
import builtins
import io
import sys
import threading
import time

import pytest

from scopeflow import InvalidState, ScopeType, _console, guardrails, scope, subscribers, tools
from scopeflow import testing as scopeflow_testing


class Terminal(io.StringIO):
    """A file that can show all characters, and says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


class Plain(Terminal):
    def isatty(self):
        return False


class Ascii(Plain):
    encoding = "ascii"


@pytest.fixture(autouse=True)
def isolation():
    with scopeflow_testing.isolated():
        yield


def work():
    with scope.scope("planner", ScopeType.Agent):
        scope.event("thinking", data={"n": 1})
        tools.execute_sync("search", {}, len)
        with pytest.raises(LookupError):
            tools.execute_sync("broken", {}, fail)


def fail(args):
    raise LookupError("nothing there")


def shown(work, file=None, **options):
    file = Plain() if file is None else file
    with subscribers.console(file, **options):
        work()
    return file.getvalue()


def test_plain_text():
    assert shown(work).splitlines() == [
        "├─ agent planner",
        '│  ◆ thinking  +1.0 ms  {"n": 1}',
        "│  ├─ tool search",
        "│  └─ tool search  1.0 ms  OK",
        "│  ├─ tool broken",
        "│  └─ tool broken  1.0 ms  ERROR: LookupError: nothing there",
        "└─ agent planner  6.0 ms  OK",
    ]


def test_nothing_is_shown_before_and_after():
    file = Plain()
    registration = subscribers.console(file)
    scope.event("before")
    with registration:
        with pytest.raises(InvalidState, match="added already"):
            registration.add()
        scope.event("inside")
    scope.event("after")
    assert file.getvalue() == "◆ inside\n"
    with registration:
        scope.event("again")
    assert file.getvalue() == "◆ inside\n◆ again\n"


def test_ascii_where_the_file_can_do_no_more():
    def umlaut():
        with scope.scope("pläner", ScopeType.Agent):
            scope.event("m")

    assert shown(umlaut, Ascii()).splitlines() == [
        "|- agent pl\\xe4ner",
        "|  * m  +1.0 ms",
        "`- agent pl\\xe4ner  2.0 ms  OK",
    ]


def test_names_cannot_move_the_cursor():
    text = shown(lambda: scope.event("a\x1b[2Jb\nc" + "x" * 200))
    assert text.startswith("◆ a\\x1b[2Jb\\x0ac") and text.count("\n") == 1
    assert len(text) < 120


def test_a_refusal():
    guardrails.register_tool_conditional_execution("g", 1, lambda name, args: "no")

    def refused():
        with pytest.raises(RuntimeError):
            tools.execute_sync("search", {}, len)

    assert shown(refused) == "◆ search  refused: no\n"


def test_an_end_whose_start_was_not_seen():
    handle = scope.push("early", ScopeType.Agent)
    assert shown(handle.close) == "└─ agent early  -\n"


def test_deep_trees_and_many_open_scopes_are_bounded(monkeypatch):
    monkeypatch.setattr(_console, "OPEN_LIMIT", 3)
    monkeypatch.setattr(_console, "DEPTH_LIMIT", 2)
    file = Plain()
    console = _console.Console(_console.Output(file), _console.render.UNICODE)
    console.start()
    subscribers.register("c", console)
    handles = [scope.push(str(number), ScopeType.Function) for number in range(5)]
    assert len(console._open) == 3
    for handle in reversed(handles):
        handle.close()
    assert len(console._open) == 0
    lines = file.getvalue().splitlines()
    assert lines[:5] == [
        "├─ function 0",
        "│  ├─ function 1",
        "│  │  ├─ function 2",
        "│  │  ├─ function 3",
        "│  │  ├─ function 4",
    ]
    assert lines[-1] == "└─ function 0  -"


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_file_that_fails_is_given_up_and_fails_nobody(error):
    class Broken(Plain):
        count = 0

        def write(self, text):
            self.count += 1
            raise error

    file = Broken()
    with subscribers.console(file):
        work()
    assert file.count == 1
    assert subscribers.default_runtime.stats().subscriber_error_count == 0


def test_a_closed_file_fails_nobody():
    file = Plain()
    with subscribers.console(file):
        file.close()
        work()


def test_stderr_is_the_default(capsys):
    with subscribers.console():
        scope.event("m")
    assert capsys.readouterr().err.endswith("m\n")


def test_threads_write_whole_lines():
    def run():
        for _ in range(50):
            tools.execute_sync("t", {}, len)

    def threads():
        running = [threading.Thread(target=run) for _ in range(8)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    lines = shown(threads).splitlines()
    assert len(lines) == 800
    assert all(line.startswith(("├─ tool t", "└─ tool t  ")) for line in lines)


def test_one_thread_at_a_time_writes():
    class Careful(Plain):
        is_inside = False
        was_disturbed = False

        def write(self, text):
            self.was_disturbed |= self.is_inside
            self.is_inside = True
            time.sleep(0.0001)
            self.is_inside = False
            return super().write(text)

    def run():
        for _ in range(20):
            scope.event("m")

    file = Careful()
    with subscribers.console(file):
        running = [threading.Thread(target=run) for _ in range(4)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    assert not file.was_disturbed
    assert file.getvalue().count("\n") == 80


def test_what_comes_late_is_not_shown_and_what_was_open_is_forgotten():
    file = Plain()
    console = _console.Console(_console.Output(file), _console.render.UNICODE)
    console.start()
    subscribers.register("c", console)
    handle = scope.push("s", ScopeType.Agent)
    console.stop()
    scope.event("late")
    assert file.getvalue() == "├─ agent s\n"
    console.start()
    scope.event("m")
    handle.close()
    assert file.getvalue() == "├─ agent s\n◆ m\n└─ agent s  -\n"


def test_tasks_that_interleave_stay_under_their_scopes():
    async def one(name):
        with scope.scope(name, ScopeType.Agent):
            await asyncio.sleep(0)
            await tools.execute(f"of {name}", {}, len)

    async def both():
        await asyncio.gather(one("a"), one("b"))

    lines = shown(lambda: asyncio.run(both())).splitlines()
    assert [line.split("  ")[0] for line in lines if not line.startswith("│")] == [
        "├─ agent a",
        "├─ agent b",
        "└─ agent a",
        "└─ agent b",
    ]
    assert sum(line.startswith("│  ") for line in lines) == 4


# --- rich ---


def test_rich_shows_the_same_and_what_is_open():
    pytest.importorskip("rich")
    file = Terminal()
    text = shown(work, file)
    for part in ("├─ agent planner", "ERROR: LookupError: nothing there", "◆ thinking"):
        assert part in text
    assert "\x1b[" in text
    assert "\nagent planner" in text.replace("\r", "\n").replace("\x1b[2m", "")


def test_rich_takes_names_for_no_markup():
    pytest.importorskip("rich")
    assert "[red]x[/red]" in shown(lambda: scope.event("[red]x[/red]"), Terminal())


def test_rich_wraps_no_line():
    pytest.importorskip("rich")
    text = shown(lambda: scope.event("m", data={"text": "x" * 70}), Terminal())
    assert "x" * 70 in text


def test_rich_needs_no_thread_and_leaves_the_terminal_as_it_was():
    pytest.importorskip("rich")
    out = _console.RichOutput(Terminal())
    before, stdout = threading.active_count(), sys.stdout
    out.start()
    live = out._live
    assert live.is_started and live.transient
    assert threading.active_count() == before
    assert sys.stdout is stdout
    out.stop()
    assert not live.is_started


def test_rich_may_be_used_again():
    pytest.importorskip("rich")
    registration = subscribers.console(Terminal(), rich=True)
    for _ in range(2):
        with registration:
            work()


def test_without_rich_it_is_plain_text(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **named):
        if name.partition(".")[0] == "rich":
            raise ImportError(name)
        return real(name, *arguments, **named)

    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert shown(lambda: scope.event("m"), Terminal()) == "◆ m\n"
    with pytest.raises(ImportError, match=r"pip install scopeflow\[console\]"):
        subscribers.console(Terminal(), rich=True)
    assert shown(lambda: scope.event("m"), Terminal(), rich=False) == "◆ m\n"
