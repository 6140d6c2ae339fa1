"""spec/api.json: the whole model as data, for tools that do not want to read YAML."""

from __future__ import annotations

import json

from spec.gen.data import as_data
from spec.gen.model import Api
from spec.gen.render import Output


def outputs(api: Api) -> list[Output]:
    data = as_data(api, without={"examples"})
    data["abi_hash"] = f"{api.abi_hash:016x}"
    for flags, item in zip(api.flags, data["flags"], strict=True):
        item["mask"] = flags.mask
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return [Output("spec/api.json", "api.json.j2", {"members": text.removeprefix("{\n")})]
