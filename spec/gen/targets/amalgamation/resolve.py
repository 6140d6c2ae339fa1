"""The core as one C file beside the Go sources, so that `go get` needs nothing but a C compiler."""

from __future__ import annotations

from spec import amalgamation
from spec.gen.model import Api
from spec.gen.render import Output, render_target


def outputs(api: Api) -> list[Output]:
    fresh = render_target("c", api)
    texts = {
        "go/scopeflow.h": amalgamation.header(fresh),
        "go/scopeflow_amalgamation.c": amalgamation.source(fresh),
    }
    return [Output(path, "verbatim.j2", {"text": text}) for path, text in texts.items()]
