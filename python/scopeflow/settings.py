"""Settings from environment variables, for who asks for them. Importing the package reads none.

TABLE is all there is: each variable's name, what is allowed, and what it does. An empty variable is
one that is not set. Whatever begins with SCOPEFLOW_ and is not in the table is refused.

A program calls `settings.apply()` once, where it starts; it is for the default runtime. One that
takes all settings is made by `load`:

>>> loaded = settings.load({"SCOPEFLOW_ATOF_PATH": "run.jsonl"})
>>> with loaded.apply(loaded.new_runtime()) as applied:
...     applied.exporter.path
'run.jsonl'
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _native
from ._native import AtofExporterMode, InvalidArgument, InvalidState, SinkDelivery, SinkOverflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from ._native import Runtime
    from .atof import AtofExporter

PREFIX = "SCOPEFLOW_"
NAME = "scopeflow.settings"
"""What settings register their subscribers under."""


class Setting(NamedTuple):
    """One environment variable.

    >>> setting = settings.TABLE[0]
    >>> setting.variable, setting.allowed
    ('SCOPEFLOW_ATOF_PATH', 'a path')
    >>> setting.doc
    'The file that events are appended to; without it, none.'
    """

    variable: str
    """Its name."""
    of: str
    """What takes it: `atof`, `runtime` (a new one only), `console` or `log`."""
    key: str
    """What it is called there."""
    allowed: str
    """What it may be, in words."""
    parse: Callable[[str], Any]
    """Makes a value of the text. Raises LookupError or ValueError for what is not allowed."""
    doc: str
    """What it does."""


def _text(of: str, key: str, allowed: str, doc: str) -> Setting:
    return Setting(_variable(of, key), of, key, allowed, str, doc)


def _choice(of: str, key: str, choices: Mapping[str, Any], doc: str) -> Setting:
    def parse(text: str) -> Any:
        return choices[text.lower()]

    return Setting(_variable(of, key), of, key, ", ".join(choices), parse, doc)


def _integer(of: str, key: str, low: int, high: int, doc: str) -> Setting:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Setting(_variable(of, key), of, key, f"an integer from {low} to {high}", parse, doc)


def _variable(of: str, key: str) -> str:
    return f"{PREFIX}{'ATOF_' if of == 'atof' else ''}{key.upper()}"


def _members(enumeration: Any) -> dict[str, Any]:
    return {member.name.lower(): member for member in enumeration}


TABLE = (
    _text("atof", "path", "a path", "The file that events are appended to; without it, none."),
    _choice("atof", "mode", _members(AtofExporterMode), "What happens to a file that exists."),
    _choice("atof", "delivery", _members(SinkDelivery), "When a line reaches the file."),
    _choice("atof", "overflow", _members(SinkOverflow), "What a full queue does."),
    _integer("atof", "queue_limit_bytes", 4096, 1 << 40, "Most bytes that wait."),
    _integer("atof", "queue_event_limit", 1, (1 << 32) - 1, "Most events that wait."),
    _integer("atof", "spill_limit_bytes", 4096, 1 << 40, "Largest size of the spill file."),
    _integer("atof", "delay_ns", 0, 100_000_000, "Longest time that a line waits for others."),
    _integer("atof", "exit_timeout_ns", 0, 3_600_000_000_000, "How long the process's end waits."),
    _integer("atof", "file_limit_bytes", 0, (1 << 64) - 1, "Size to rename the file at; 0: none."),
    _integer("atof", "kept_file_count", 1, 1000, "How many renamed files are kept."),
    _integer("runtime", "payload_budget", 64, 1 << 30, "Largest payload of an event, in bytes."),
    _text(
        "runtime",
        "credential_headers",
        "names with commas between them",
        "Headers that observers never see, in place of the built-in list.",
    ),
    _choice("console", "console", {"0": False, "1": True}, "Whether to show events on stderr."),
    _choice(
        "log",
        "log_level",
        {name: name.upper() for name in ("debug", "info", "warning", "error", "critical")},
        "The level of the logger `scopeflow`.",
    ),
)


class Settings:
    """What the environment said; made by `load`. `values` has it by variable, without defaults.

    >>> loaded = settings.load({"SCOPEFLOW_PAYLOAD_BUDGET": "65536"})
    >>> loaded
    <settings SCOPEFLOW_PAYLOAD_BUDGET>
    >>> loaded.values
    {'SCOPEFLOW_PAYLOAD_BUDGET': 65536}
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self._made: list[Runtime] = []

    def _of(self, of: str) -> dict[str, Any]:
        return {
            setting.key: self.values[setting.variable]
            for setting in TABLE
            if setting.of == of and setting.variable in self.values
        }

    def new_runtime(self) -> Runtime:
        """A Runtime with the settings that only a new one can take. Raises InvalidArgument.

        >>> runtime = settings.load({"SCOPEFLOW_PAYLOAD_BUDGET": "65536"}).new_runtime()
        >>> runtime.close()
        """
        runtime = _native.Runtime(**self._of("runtime"))
        self._made.append(runtime)
        return runtime

    def apply(self, runtime: Runtime | None = None) -> Applied:
        """Puts the settings in force on a runtime, the default one by default.

        What this opens lasts until the result is shut down, or left as a `with`. Raises
        InvalidState for settings that only a new runtime takes and where the file cannot be opened,
        AlreadyExists where settings are in force already; then nothing is changed.

        >>> loaded = settings.load({"SCOPEFLOW_PAYLOAD_BUDGET": "65536"})
        >>> loaded.apply(loaded.new_runtime()).shutdown()
        >>> loaded.apply()
        Traceback (most recent call last):
            ...
        scopeflow._native.InvalidState: invalid state: SCOPEFLOW_PAYLOAD_BUDGET is for ...
        """
        target = _native.default_runtime if runtime is None else runtime
        self._check_runtime(target)
        with contextlib.ExitStack() as undo:
            exporter = self._export(target, undo)
            if self._of("console").get("console"):
                from . import _console

                undo.enter_context(_console.registration(target, None, None, f"{NAME}.console"))
            for level in self._of("log").values():
                import logging

                logger = logging.getLogger("scopeflow")
                undo.callback(logger.setLevel, logger.level)
                logger.setLevel(level)
            return Applied(exporter, undo.pop_all())

    def _check_runtime(self, runtime: Runtime) -> None:
        options = [s.variable for s in TABLE if s.of == "runtime" and s.variable in self.values]
        if options and not any(made is runtime for made in self._made):
            raise InvalidState(
                f"invalid state: {options[0]} is for a new runtime, which the settings' "
                f"`new_runtime()` makes; this one is in use already"
            )

    def _export(self, runtime: Runtime, undo: contextlib.ExitStack) -> AtofExporter | None:
        options = self._of("atof")
        if not options:
            return None
        from .atof import AtofExporter, AtofExporterConfig

        config = AtofExporterConfig()
        config.output_directory, config.filename = os.path.split(options.pop("path"))
        for key, value in options.items():
            setattr(config, key, value)
        exporter = AtofExporter(config, runtime=runtime)
        undo.callback(exporter.shutdown)
        exporter.register(NAME)
        return exporter

    def __repr__(self) -> str:
        return f"<settings {', '.join(self.values) or 'none'}>"


class Applied:
    """Settings that are in force. A context manager; `shutdown` ends them, too.

    exporter: The AtofExporter, or None.

    >>> with settings.apply(environment={"SCOPEFLOW_ATOF_PATH": "run.jsonl"}) as applied:
    ...     scope.event("cache miss")
    >>> applied.exporter
    <AtofExporter>
    >>> [event.name for event in read_atof("run.jsonl")]
    ['cache miss']
    """

    def __init__(self, exporter: AtofExporter | None, undo: contextlib.ExitStack) -> None:
        self.exporter = exporter
        self._undo = undo

    def shutdown(self) -> None:
        """Flushes and closes what was opened, and restores the log level. A second time does
        nothing.

        >>> applied = settings.apply(environment={"SCOPEFLOW_ATOF_PATH": "run.jsonl"})
        >>> applied.shutdown()
        >>> default_runtime.registrations()
        []
        """
        self._undo.close()

    def __enter__(self) -> Applied:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        where = "" if self.exporter is None else f", writing {self.exporter.path!r}"
        return f"<applied settings{where}>"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings, and changes nothing.

    environment: The variables, those of the process by default.

    Raises InvalidArgument, naming the variable, its value and what is allowed.

    >>> settings.load({"SCOPEFLOW_ATOF_PATH": "run.jsonl"}).values
    {'SCOPEFLOW_ATOF_PATH': 'run.jsonl'}
    >>> settings.load({"SCOPEFLOW_CONSOLE": "maybe"})
    Traceback (most recent call last):
        ...
    scopeflow._native.InvalidArgument: invalid argument: SCOPEFLOW_CONSOLE is 'maybe'; allowed: 0, 1
    """
    given = os.environ if environment is None else environment
    known = {setting.variable: setting for setting in TABLE}
    values: dict[str, Any] = {}
    for variable in sorted(name for name in given if name.startswith(PREFIX)):
        if variable not in known:
            raise InvalidArgument(
                f"invalid argument: {variable} is no setting; there are {', '.join(known)}"
            )
        if given[variable]:
            values[variable] = _value_of(known[variable], given[variable])
    first_of_atof = next((name for name in values if known[name].of == "atof"), None)
    if first_of_atof is not None and f"{PREFIX}ATOF_PATH" not in values:
        raise InvalidArgument(
            f"invalid argument: {first_of_atof} is set and {PREFIX}ATOF_PATH is not: there is no "
            f"file to write"
        )
    return Settings(values)


def _value_of(setting: Setting, text: str) -> Any:
    try:
        return setting.parse(text)
    except (LookupError, ValueError):
        raise InvalidArgument(
            f"invalid argument: {setting.variable} is {text!r}; allowed: {setting.allowed}"
        ) from None


def apply(
    runtime: Runtime | None = None, *, environment: Mapping[str, str] | None = None
) -> Applied:
    """`load(environment).apply(runtime)`.

    runtime: A Runtime, the default one by default.
    environment: The variables, those of the process by default.

    >>> applied = settings.apply(environment={"SCOPEFLOW_ATOF_PATH": "run.jsonl"})
    >>> applied.exporter.path
    'run.jsonl'
    >>> applied.shutdown()
    """
    return load(environment).apply(runtime)


__all__ = ["NAME", "PREFIX", "TABLE", "Applied", "Setting", "Settings", "apply", "load"]
