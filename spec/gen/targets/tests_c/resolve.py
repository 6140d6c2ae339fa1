"""The C tests: tables of what the spec has, so that what is new in it is tried without a word."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Operation, Registry
from spec.gen.render import Output

from . import misuse

REGISTRIES = "tests/c/registries.gen.h"
MISUSE = "tests/c/misuse.gen.h"


@dataclass(frozen=True)
class Functions:
    """The operations of a registry: register and deregister, on a runtime and then on a scope."""

    value: str
    functions: tuple[str, ...]


def outputs(api: Api) -> list[Output]:
    plain = [r for r in api.registries if is_plain(api, r)]
    context = {
        "plain": [functions(api, r) for r in plain],
        "others": [value_name(r) for r in api.registries if r not in plain],
    }
    return [
        Output(REGISTRIES, "registries.h.j2", context),
        Output(MISUSE, "misuse.h.j2", {"functions": misuse.functions(api)}),
    ]


def value_name(registry: Registry) -> str:
    return cabi.value_name("registry", registry.name)


def is_plain(api: Api, registry: Registry) -> bool:
    register = operation(api, registry, "register", "runtime")
    return [a.name for a in register.arguments] == ["name", "priority", "callable", "flags"]


def functions(api: Api, registry: Registry) -> Functions:
    found = [
        cabi.function_name(operation(api, registry, action, owner))
        for owner in ("runtime", "scope")
        for action in ("register", "deregister")
    ]
    return Functions(value_name(registry), tuple(found))


def operation(api: Api, registry: Registry, action: str, owner: str) -> Operation:
    return next(
        op
        for op in api.operations
        if op.registry == registry.name and op.action == action and op.on.name == owner
    )
