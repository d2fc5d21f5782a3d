"""What a change does, as the real provider decides it, and what a refresh brings back into the inputs.

https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/diff.go: inputs are compared with
inputs; keys beginning with `__` are ours; `location` ignores case and spaces, `resourceGroupName` ignores case; a
replacing property counts as such also when something inside it changes; a newly given value that equals the known
output is no replacement.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from twin.provider.table import ResourceType, normal_location, table

Properties = Mapping[str, Any]


def changes(kind: ResourceType, old: Properties, new: Properties, state: Properties) -> dict[str, str]:
    """{property path: "add" | "delete" | "update", with "_replace" where it replaces}."""
    found: dict[str, str] = {}
    for path, where, what in _object(old, new, "", ""):
        top = path.split(".")[0].split("[")[0]
        if _noise(top, path, old, new):
            continue
        inside = what == "update" and any(where.startswith(r + ".") for r in kind.replaces)
        replaces = where in kind.replaces or inside
        if replaces and what == "add" and top not in old and state.get(top) == new[top]:
            replaces = False
        found[path] = f"{what}_replace" if replaces else what
    return found


def _noise(top: str, path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if path != top or not (isinstance(old.get(top), str) and isinstance(new.get(top), str)):
        return False
    if top == "location":
        return normal_location(old[top]) == normal_location(new[top])
    return top == "resourceGroupName" and old[top].lower() == new[top].lower()


def _object(old: Mapping[str, Any], new: Mapping[str, Any], path: str, where: str) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys([*old, *new]):
        if key.startswith("__"):
            continue
        here, there = f"{path}{key}", f"{where}{key}"
        if key not in new:
            yield here, there, "delete"
        elif key not in old:
            yield here, there, "add"
        else:
            yield from _value(old[key], new[key], here, there)


def _value(old: Any, new: Any, path: str, where: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _object(old, new, path + ".", where + ".")
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            here = f"{path}[{index}]"
            if index >= len(new):
                yield here, where, "delete"
            elif index >= len(old):
                yield here, where, "add"
            else:
                yield from _value(old[index], new[index], here, where + "[]")
    elif old != new:
        yield path, where, "update"


def as_inputs(kind: ResourceType, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs that are inputs too, without what Azure sets itself (SdkOutputsToSdkInputs)."""
    return _projected(table()["types"][kind.entry["in"]], outputs)


def _projected(entry: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    writable = [k for k in entry["p"] if k in value and k not in entry.get("az", {}).get("ro", ())]
    return {k: _projected_value(entry["p"][k], value[k]) for k in writable}


def _projected_value(node: Mapping[str, Any], value: Any) -> Any:
    entry = table()["types"].get(node["t"])
    if entry and isinstance(value, Mapping):
        return _projected(entry, value)
    if node["t"] == "array" and isinstance(value, Mapping):  # a set of ids: a list in inputs, a map in outputs
        return list(value)
    listed = node["t"] == "array" and isinstance(value, list)
    return [_projected_value(node["of"], v) for v in value] if listed else value


def with_drift(inputs: Any, before: Any, after: Any) -> Any:
    """`inputs` with what changed between two projections of outputs (applyDiff): Azure's own defaults stay out."""
    if isinstance(inputs, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping):
        kept = {k: v for k, v in inputs.items() if k in after or k not in before}
        moved = {k: with_drift(kept.get(k), before.get(k), v) for k, v in after.items() if before.get(k) != v}
        return {**kept, **moved}
    if isinstance(inputs, list) and isinstance(before, list) and isinstance(after, list):
        both = min(len(inputs), len(before))
        return [with_drift(inputs[i], before[i], v) if i < both else v for i, v in enumerate(after)]
    return inputs if before == after else after
