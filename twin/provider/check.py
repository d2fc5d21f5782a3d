"""Inputs against the derived table: what Azure's type data can tell is refused here, before anything is created.

Azure answers a body that does not fit its types with 400 InvalidRequestContent, and other values that it does not take
with InvalidParameter, or InvalidResourceName where the name is at fault:
https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin.provider.table import ResourceType, table
from twin.provider.values import UNKNOWN

NAME_CODES = {
    "azure-native:storage:StorageAccount": "AccountNameInvalid",
    "azure-native:keyvault:Vault": "VaultNameNotValid",
}
IGNORED = ("azureApiVersion",)
JSON_TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "map": dict}
SECRET_WORDS = re.compile(r"password|secret|key|connectionstring|token", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """One thing that Azure would refuse; `path` is the property, "" for the whole resource."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        """The engine puts the resource's type and name before it."""
        return f"{self.code}: property {self.path}: {self.message}"


def check(kind: ResourceType, inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """Every refusal of these inputs (defaults already in). Unknown values are accepted."""
    entry = table()["types"][kind.entry["in"]]
    known = {k: v for k, v in inputs.items() if not k.startswith("__") and k not in IGNORED}
    yield from _members(entry, known, "")
    for parameter, limits in kind.entry["az"]["names"].items():
        value = known.get(parameter, UNKNOWN)
        if value != UNKNOWN and isinstance(value, str):
            named = parameter == kind.name_parameter
            code = NAME_CODES.get(kind.token, "InvalidResourceName") if named else "InvalidParameter"
            yield from _limited(limits, value, parameter, code)


def _members(entry: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[Refusal]:
    properties, azure = entry["p"], entry.get("az", {})
    for name in (*entry.get("r", ()), *azure.get("r", ())):
        if name not in value:
            yield Refusal(_join(path, name), "InvalidRequestContent", "it is required and missing; give it a value.")
    for name, item in value.items():
        if name not in properties:
            close = difflib.get_close_matches(_camel(name), properties, 1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(properties)[:12])}."
            yield Refusal(_join(path, name), "InvalidRequestContent", f"there is no such property; {hint}")
        elif item is not None and item != UNKNOWN:
            yield from _value(properties[name], item, _join(path, name))


def _value(node: Mapping[str, Any], value: Any, path: str) -> Iterator[Refusal]:
    kind = node["t"]
    if value == UNKNOWN or value is None or kind == "any":
        return
    if kind == "union":
        yield from _union(node["of"], value, path)
    elif kind in table()["types"]:
        if isinstance(value, Mapping):
            yield from _members(table()["types"][kind], value, path)
        else:
            yield _mistyped(path, "an object", value)
    elif not _is(kind, value):
        yield _mistyped(path, f"a {kind}" if kind != "integer" else "a whole number", value)
    else:
        yield from _limited(node.get("az", {}), value, path, "InvalidParameter")
        yield from _enumerated(node, value, path)
        items = enumerate(value) if kind == "array" else value.items() if kind == "map" else ()
        for key, item in items:
            yield from _value(node["of"], item, f"{path}[{key}]" if kind == "array" else _join(path, key))


def _union(members: list[Mapping[str, Any]], value: Any, path: str) -> Iterator[Refusal]:
    """The member that the discriminator names; without one the member with the fewest refusals."""
    types = table()["types"]
    if isinstance(value, Mapping):
        tagged = {next(iter(types[m["t"]]["const"].items())): m for m in members if types.get(m["t"], {}).get("const")}
        for tag in {tag for tag, _ in tagged}:
            given, allowed = value.get(tag), sorted(constant for t, constant in tagged if t == tag)
            if given is not None and given != UNKNOWN and given not in allowed:
                yield Refusal(_join(path, tag), "InvalidParameter", f"{given!r} is not one of {', '.join(allowed)}.")
                return
        members = [m for (tag, constant), m in tagged.items() if value.get(tag) == constant] or members
    yield from min(([*_value(m, value, path)] for m in members), key=len)


def _limited(limits: Mapping[str, Any], value: Any, path: str, code: str) -> Iterator[Refusal]:
    low, high = limits.get("min"), limits.get("max")
    size = value if isinstance(value, int | float) else len(value)
    span = f"{'' if low is None else low}..{'' if high is None else high}"
    if (low is not None and size < low) or (high is not None and size > high):
        what = "" if size is value else " characters" if isinstance(value, str) else " items"
        yield Refusal(path, code, f"allowed {span}{what}, got {size}: {_shown(path, value)}; keep within it.")
    elif "re" in limits and isinstance(value, str) and not re.search(limits["re"], value):
        yield Refusal(path, code, f"must match {limits['re']}, got {_shown(path, value)}; change it to fit.")


def _enumerated(node: Mapping[str, Any], value: Any, path: str) -> Iterator[Refusal]:
    """Azure's values where they are of the very API version, else those and the SDK's."""
    azure = node.get("az", {})
    allowed = [*azure.get("e", ()), *(() if azure.get("exact") else node.get("e", ()))]
    if allowed and value not in allowed:
        close = difflib.get_close_matches(str(value), allowed, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else "choose one of them."
        yield Refusal(path, "InvalidParameter", f"{value!r} is not one of {', '.join(dict.fromkeys(allowed))}; {hint}")


def _is(kind: str, value: Any) -> bool:
    return kind == "boolean" if isinstance(value, bool) else isinstance(value, JSON_TYPES[kind])


def _mistyped(path: str, wanted: str, value: Any) -> Refusal:
    got = f"{type(value).__name__} {_shown(path, value)}"
    return Refusal(path, "InvalidRequestContent", f"must be {wanted}, got {got}.")


def _shown(path: str, value: Any) -> str:
    return "a value that is not shown" if SECRET_WORDS.search(path) else repr(value)[:80]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda m: m[1].upper(), name)
