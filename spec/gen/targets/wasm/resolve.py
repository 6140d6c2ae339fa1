"""WebAssembly: the functions that the module exports, and the TypeScript that calls them."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import flat
from spec.gen.model import Api
from spec.gen.render import Output
from spec.gen.typescript import fit

_C_TYPES = {
    "ref": "scopeflow_ref", "size": "size_t", "i32": "int32_t", "u32": "uint32_t",
    "i64": "int64_t", "u64": "uint64_t", "f64": "double",
}  # fmt: skip
LANGUAGE = "node"  # what `not_yet` calls it


@dataclass(frozen=True)
class Bridge:
    """One exported function, in C and in TypeScript."""

    id: str
    name: str
    prototype: str
    lines: tuple[str, ...]
    exported: str  # its type for TypeScript
    signature: str
    body: tuple[str, ...]


def outputs(api: Api) -> list[Output]:
    functions = [f for f in flat.functions(api) if not f.is_hosted]
    context = {"functions": [bridge(f) for f in functions]}
    return [
        Output("wasm/bridge.gen.c", "bridge.gen.c.j2", context),
        Output("node/src/wasm.gen.ts", "wasm.gen.ts.j2", context),
    ]


def bridge(f: flat.Function) -> Bridge:
    given = ", ".join(f"{p.name}: {p.ts}" for p in f.passed)
    returns = "number" if f.is_by_slots else f.ts_returns
    return Bridge(
        id=f.id,
        name=f.name,
        prototype=f"{_c_returns(f)} bridge_{f.id}({_c_parameters(f)})",
        lines=tuple(_c_lines(f)),
        exported=fit(f"{f.name}({_exported_parameters(f)}): {returns};", 2),
        signature=fit(f"{f.name}({given}): {returns} {{", 2),
        body=tuple(fit(line, 4) for line in _ts_lines(f)),
    )


# --- C ---


def _c_returns(f: flat.Function) -> str:
    if f.returns == "status":
        return "scopeflow_status"
    return "void" if f.returns == "void" else _C_TYPES[f.returns]


def _c_parameters(f: flat.Function) -> str:
    found = []
    for p in f.passed:
        if p.way in flat.ROWS:
            found += [f"const char *{p.c_name}", f"size_t {p.c_name}_size"]
        else:
            # A pointer that goes into a struct needs no type of its own here.
            kind = p.declares or ("void *" if p.way == "pointer" else _C_TYPES[p.way])
            found.append(f"{kind}{'' if kind.endswith('*') else ' '}{p.c_name}")
    return ", ".join(found) or "void"


def _c_value(p: flat.Parameter) -> str:
    return f"bridge_text({p.c_name}, {p.c_name}_size)" if p.way in flat.ROWS else p.c_name


def _c_values(f: flat.Function) -> dict[str, str]:
    """The C expression of each parameter, by its name."""
    slotted = {p.name: flat.take_line("bridge.slots", index, p.way) for p, index in f.slotted}
    return {p.name: slotted.get(p.name) or _c_value(p) for p in f.parameters}


def _c_lines(f: flat.Function):
    for line in f.prepare:
        yield line.format(emitter="&bridge.emitter")
    values = _c_values(f)
    for p in f.parameters:
        if not p.declares:
            yield f"{p.place} = {values[p.name]};"
    if f.host:
        yield "scopeflow_host const host_ = bridge_host();"
    if f.out_type:
        yield flat.out_declaration(f)
    variables = {p.place: values[p.name] for p in f.parameters if p.declares}
    arguments = [variables.get(a, a) for a in f.arguments]
    if f.returns != "status":
        call = f"{f.c_name}({', '.join(arguments)});"
        yield f"{flat.discarded(f)}{call}" if f.returns == "void" else f"return {call}"
        return
    call = f"{f.c_name}({', '.join([*arguments, '&bridge.error'])})"
    yield f"scopeflow_status const status_ = {call};"
    if f.is_by_slots:
        yield "return bridge_step(status_, &out_);"
        return
    if f.put:
        put = f.put.format(slots="bridge.slots")
        yield f"if (status_ == SCOPEFLOW_STATUS_OK) {put};"
    yield "return status_;"


# --- TypeScript ---


def _exported_parameters(f: flat.Function) -> str:
    found = []
    for p in f.passed:
        if p.way in flat.ROWS:
            found += [f"{p.name}: number", f"{p.name}Size: number"]
        else:
            found.append(f"{p.name}: {p.ts}")
    return ", ".join(found)


def _ts_lines(f: flat.Function):
    texts = [p for p in f.parameters if p.way in flat.ROWS]
    call = f"this.exports.{f.name}({', '.join(_ts_argument(p) for p in f.passed)})"
    if f.returns in ("ref", "size", "u32"):
        call += " >>> 0"  # WebAssembly gives 32 bits as a signed number.
    if not texts:
        yield f"{'return ' if f.returns != 'void' else ''}{call};"
        return
    yield "const top_ = this.enter();"
    for p in texts:
        put = "putText" if p.way == "text" else "putBytes"
        yield f"const {p.name}At_ = this.{put}({p.name});"
        yield f"const {p.name}Size_ = this.textSize;"
    yield f"{'const result_ = ' if f.returns != 'void' else ''}{call};"
    yield "this.leave(top_);"
    if f.returns != "void":
        yield "return result_;"


def _ts_argument(p: flat.Parameter) -> str:
    return f"{p.name}At_, {p.name}Size_" if p.way in flat.ROWS else p.name
