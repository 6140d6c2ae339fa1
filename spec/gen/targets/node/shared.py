"""What several files of this target need."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Argument
from spec.gen.names import camel, pascal
from spec.gen.typescript import fit


@dataclass(frozen=True)
class Member:
    doc: str
    name: str
    value: str


@dataclass(frozen=True)
class Method:
    """A method of a generated class, or a function beside it."""

    doc: tuple[str, ...]
    name: str
    parameters: str
    returns: str
    body: tuple[str, ...]
    passed: str = ""  # the names of the parameters

    @property
    def signature(self) -> str:
        """Of a method, which stands in a class."""
        return fit(f"{self.name}({self.parameters}): {self.returns} {{", 2)

    @property
    def function(self) -> str:
        return fit(f"export function {self.name}({self.parameters}): {self.returns} {{")

    @property
    def lines(self) -> tuple[str, ...]:
        """The body of a method."""
        return tuple(fit(line, 4) for line in self.body)

    @property
    def function_lines(self) -> tuple[str, ...]:
        return tuple(fit(line, 2) for line in self.body)


@dataclass(frozen=True)
class HandleClass:
    doc: str
    name: str
    methods: tuple[Method, ...]


@dataclass(frozen=True)
class Constructor:
    doc: str
    name: str
    is_hosted: bool
    type: str
    fields: tuple[Member, ...]
    defaults: tuple[tuple[str, str], ...]
    checks: tuple[str, ...]
    passed: str

    @property
    def function(self) -> str:
        return fit(f"export function {self.name}(engine: Engine, options: {self.type}): number {{")

    @property
    def destructuring(self) -> str:
        members = ", ".join(f"{name}{default}" for name, default in self.defaults)
        return fit(f"const {{ {members} }} = options;", 2)

    @property
    def call(self) -> str:
        return fit(f"engine.check(engine.core.{self.name}({self.passed}));", 2)


def flags_name(name: str) -> str:
    """`scope_attribute` -> `ScopeAttributes`, as the peer calls them."""
    return pascal(name) + "s"


def ts_name(argument: Argument) -> str:
    return camel(cabi.member_name(argument))
