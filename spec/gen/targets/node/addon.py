"""The C of the Node addon: a function of Node-API for each one of the flat interface."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, flat
from spec.gen.model import Api


@dataclass(frozen=True)
class Glue:
    id: str
    name: str
    count: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Put:
    doc: str
    struct: str
    macro: str
    slot_count: int
    type: str
    lines: tuple[str, ...]
    indexes: tuple[tuple[str, int], ...]


def slots_context(api: Api) -> dict:
    return {
        "slot_count": flat.all_slot_count(api),
        "puts": [
            Put(
                s.doc,
                s.name,
                f"{s.name}_SLOTS".upper(),
                flat.struct_slot_count(s),
                cabi.PREFIX + s.name,
                tuple(
                    flat.put_line("slots", index, field.type, f"from->{cabi.member_name(field)}")
                    + ";"
                    for field, index in flat.slot_indexes(s)
                ),
                tuple((f"{s.name}_{f.name}".upper(), i) for f, i in flat.slot_indexes(s)),
            )
            for s in flat.slot_structs(api)
        ],
    }


# Handles that an environment gives back when it ends, by what the addon calls their kind.
_KEPT = {"runtime": "ADDON_KIND_RUNTIME", "atof_sink": "ADDON_KIND_ATOF_SINK"}


def addon_context(api: Api) -> dict:
    return {"functions": [glue(f) for f in flat.functions(api)]}


def glue(f: flat.Function) -> Glue:
    count = len(f.passed)
    lines = [line.format(emitter="&call_.addon->emitter") for line in f.prepare]
    slotted = {p.name: index for p, index in f.slotted}
    lines += [
        _declared(p, flat.take_line("call_.addon->slots", slotted[p.name], p.way))
        if p.name in slotted
        else _declared(p, f"addon_{p.way}(&call_, {f.passed.index(p)})")
        for p in f.parameters
    ]
    lines.append(f'if (!call_.is_valid) return addon_refuse(&call_, "{f.name}");')
    if f.host:
        lines.append("scopeflow_host const host_ = addon_host(&call_);")
    if f.out_type:
        lines.append(flat.out_declaration(f))
    return Glue(f.id, f.name, count, (*lines, *_call(f)))


def _declared(parameter: flat.Parameter, value: str) -> str:
    blank = "" if parameter.declares.endswith("*") else " "
    declares = f"{parameter.declares}{blank}" if parameter.declares else ""
    return f"{declares}{parameter.place} = {value};"


def _call(f: flat.Function) -> list[str]:
    if f.returns != "status":
        call = f"{f.c_name}({', '.join(f.arguments)})"
        if f.returns == "void":
            return [*_forget(f), f"{flat.discarded(f)}{call};", "return addon_leave(&call_);"]
        return [f"return addon_number(&call_, (double){call});"]
    call = f"{f.c_name}({', '.join([*f.arguments, '&call_.addon->error'])})"
    lines = [f"scopeflow_status const status_ = {call};"]
    if f.is_by_slots:
        return [*lines, "return addon_step(&call_, status_, &out_);"]
    if f.put:
        put = f.put.format(slots="call_.addon->slots")
        lines.append(f"if (status_ == SCOPEFLOW_STATUS_OK) {put};")
    if kind := _kept(f, "constructor"):
        kept = f"addon_keep(call_.addon, {kind}, out_)"
        lines.append(f"if (status_ == SCOPEFLOW_STATUS_OK) {kept};")
    return [*lines, "return addon_number(&call_, (double)status_);"]


def _forget(f: flat.Function) -> list[str]:
    return ["addon_forget(call_.addon, self);"] if _kept(f, "destructor") else []


def _kept(f: flat.Function, kind: str) -> str | None:
    """What kind of kept handle an operation makes or gives back, if it does."""
    if f.operation.kind != kind:
        return None
    module = f.operation.on.name if f.operation.on else f.operation.out.type.name
    return _KEPT.get(module)
