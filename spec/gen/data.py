"""The model as plain data, and the number that says whether two builds fit together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass

from .model import Api, Type

# What a compiled binding does not depend on.
_NOT_ABI = {
    "abi_hash", "version", "doc", "title", "module", "modules", "wire", "encodings", "thread",
    "codec_forms", "codec_maps", "answer", "not_yet", "by_hand", "examples",
}  # fmt: skip


def as_data(item, without: frozenset | set = frozenset()):
    """Dicts and lists in the model's order, types as the spec spells them."""
    if isinstance(item, Type):
        return item.spelling
    if is_dataclass(item):
        return {
            f.name: as_data(getattr(item, f.name), without)
            for f in fields(item)
            if f.name not in without
        }
    if isinstance(item, tuple):
        return [as_data(element, without) for element in item]
    return item


def abi_hash(api: Api) -> int:
    """64 bits of SHA-256 over names, types, numbers and signatures (S6.3)."""
    text = json.dumps(as_data(api, without=_NOT_ABI), sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
