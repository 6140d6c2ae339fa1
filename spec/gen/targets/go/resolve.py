"""Go: constants, errors, options, the cgo glue, exported methods and the vectors' dispatch.

Range and mask checks are generated in the core; Go's types do the rest, and what they cannot say
(nil contexts and functions) is checked where it is met.
"""

from __future__ import annotations

from spec.gen.model import Api
from spec.gen.render import Output

from . import core, dispatch, forms, methods, module, spelling, values

LANGUAGE = "go"  # what `not_yet` calls it


def outputs(api: Api) -> list[Output]:
    arguments = values.arguments(api)
    shared = {
        "functions": core.functions(api),
        "handles": [(spelling.handle_type(h.name), h.name) for h in api.handles],
    }
    return [
        Output("go/enums.gen.go", "enums.go.j2", _enums(api)),
        Output("go/errors.gen.go", "errors.go.j2", _errors(api)),
        Output(
            "go/options.gen.go",
            "options.go.j2",
            {"arguments": arguments, "options": values.options(api)},
        ),
        Output(
            "go/operations.gen.go",
            "operations.go.j2",
            {**shared, "shims": core.shims(api), "readers": core.readers(api)},
        ),
        Output("go/operations_nocgo.gen.go", "operations_nocgo.go.j2", module.context(api)),
        Output("go/shims.gen.h", "shims.h.j2", {"shims": core.shims(api)}),
        Output(
            "go/methods.gen.go",
            "methods.go.j2",
            {
                "classes": methods.classes(api),
                "methods": methods.methods(api),
                "clones": any("strings." in line for m in methods.methods(api) for line in m.lines),
            },
        ),
        Output("go/middleware.gen.go", "middleware.go.j2", {"registries": methods.middleware(api)}),
        Output("go/dispatch.gen_test.go", "dispatch_test.go.j2", dispatch.context(api)),
        *forms.outputs(api),
    ]


def _enums(api: Api) -> dict:
    return {
        "constants": values.constants(api),
        "enums": values.enumerations(api),
        "structs": values.structs(api),
        "abi_hash": f"0x{api.abi_hash:016x}",
    }


def _errors(api: Api) -> dict:
    return {"statuses": values.statuses(api), "sentinels": values.sentinels(api)}
