"""Property values between the engine's protobuf form and plain Python, without importing the `pulumi` package.

`import pulumi` costs most of a second; the provider needs only the generated messages. Signatures and marks:
https://github.com/pulumi/pulumi/blob/v3.250.0/sdk/go/common/resource/properties.go (UnknownStringValue, SigKey).
"""

import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def protocol() -> tuple[Any, Any]:
    """The generated modules (provider_pb2, provider_pb2_grpc) of the installed `pulumi` package."""
    found = importlib.util.find_spec("pulumi")
    package = types.ModuleType("pulumi_protocol")
    package.__path__ = [str(Path(found.submodule_search_locations[0], "runtime/proto"))]
    sys.modules.setdefault(package.__name__, package)
    return tuple(importlib.import_module(f"pulumi_protocol.provider_{kind}") for kind in ("pb2", "pb2_grpc"))


def plain(struct: Struct) -> dict[str, Any]:
    """A message's properties: secrets opened, nulls left out, unknown ones as UNKNOWN, whole numbers as int."""
    return {k: _plain(v) for k, v in struct.fields.items() if v.WhichOneof("kind") not in (None, "null_value")}


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        found = plain(value.struct_value)
        return found.get("value") if found.get(SIGNATURE) == SECRET else found
    if kind == "list_value":
        return [_plain(v) for v in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return None if kind in (None, "null_value") else getattr(value, kind)


def struct(properties: Mapping[str, Any]) -> Struct:
    """The message of plain properties; nulls are left out as the real provider does (SkipNulls)."""
    made = Struct()
    made.update(without_nulls(properties))
    return made


def without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list | tuple) else value


def holds_unknown(value: Any) -> bool:
    """Whether a value is, or has anywhere in it, one that is not known yet."""
    if isinstance(value, Mapping):
        return any(map(holds_unknown, value.values()))
    return any(map(holds_unknown, value)) if isinstance(value, list) else value == UNKNOWN
