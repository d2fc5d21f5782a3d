"""What a run of the engine did and said, for people and as JSON."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SAME, REPLACED = ("same", "read"), ("create-replacement", "delete-replaced")
SIGNS = {"create": "+", "update": "~", "delete": "-", "read": "<"}


@dataclass
class Outcome:
    """What a run did: `changes` counts operations, `steps` has {"op", "type", "name", "urn", "parent", "properties"} of
    all that is not unchanged; `diagnostics` are what the program and the engine said."""

    changes: dict[str, int] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    diagnostics: list[str] = field(default_factory=list)
    seconds: float = 0.0
    asked_azure: bool = False

    @property
    def changed(self) -> bool:
        return any(count for op, count in self.changes.items() if op not in SAME)

    def as_json(self) -> dict[str, Any]:
        return {"changeSummary": self.changes, "steps": self.steps, "outputs": self.outputs,
                "diagnostics": self.diagnostics, "seconds": round(self.seconds, 2)}

    def told(self) -> Iterator[str]:
        """Lines for a person: the changes as a tree of components, then the counts."""
        urns = {step["urn"] for step in self.steps}
        yield from self._below({"", *(s["parent"] for s in self.steps if s["parent"] not in urns)}, "  ")
        counts = ", ".join(f"{count} {op}" for op, count in sorted(self.changes.items()) if count)
        yield f"{sum(self.changes.values())} resources: {counts or 'nothing'} ({self.seconds:.1f} s)"

    def _below(self, parents: set[str], indent: str) -> Iterator[str]:
        for step in sorted(self.steps, key=lambda s: (s["name"], s["op"])):
            if step["parent"] in parents and not step["type"].startswith("pulumi:providers:"):
                changed = f"  [{', '.join(step['properties'])}]" if step["properties"] else ""
                yield f"{indent}{SIGNS.get(step['op'], '±')} {step['name']}  ({step['type']} {step['op']}){changed}"
                yield from self._below({step["urn"]} if step["op"] not in REPLACED else set(), indent + "  ")

    def note(self, event: Any, verb: str) -> None:
        """Keeps the changes of one engine event (a refresh knows them only afterwards), and what is said in it."""
        found = event.res_outputs_event if verb == "refresh" else event.resource_pre_event
        if found:
            step, state = found.metadata, found.metadata.new or found.metadata.old
            self.asked_azure |= step.type.startswith("azure-native:")
            if step.op not in SAME:
                self.steps.append({
                    "op": getattr(step.op, "value", str(step.op)), "type": step.type, "urn": step.urn,
                    "name": step.urn.rsplit("::", 1)[1], "parent": getattr(state, "parent", "") or "",
                    "properties": sorted(step.detailed_diff or step.diffs or ())})
        said = event.diagnostic_event
        if said and said.severity in ("error", "warning", "info"):
            text = re.sub(r"<\{%.*?%\}>", "", said.message).strip()
            where = said.urn.rsplit("::", 1)[1] + ": " if said.urn else ""
            if not text.startswith("using pulumi-resource-"):  # that is meant
                self.diagnostics.append(f"{said.severity}: {where}{text}")

    def count(self, result: Any) -> None:
        """Takes the counts and outputs of the Automation API's result."""
        summary = result.summary.resource_changes if hasattr(result, "summary") else result.change_summary
        self.changes = {getattr(op, "value", str(op)): count for op, count in (summary or {}).items()}
        self.outputs = {k: v.value for k, v in getattr(result, "outputs", {}).items()}

    def explained(self, error: Exception) -> str:
        """The errors that the engine reported (it repeats the program's as unhandled), else its whole output."""
        told = [d for d in self.diagnostics if d.startswith("error") and "an unhandled error occurred:" not in d]
        return "\n".join(dict.fromkeys(told)) or str(error)
