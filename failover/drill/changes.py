"""Whether a preview of the stack would harm what a failover left: pure, over the engine's JSON.

`twin preview --json` and `pulumi preview --json` give {"steps": [{"op", "urn", "detailedDiff"}], "changeSummary": {…}}
(https://www.pulumi.com/docs/iac/cli/commands/pulumi_preview/).
"""

from typing import Any

import orjson

HARMFUL = frozenset({"delete", "replace", "create-replacement", "delete-replaced", "discard", "discard-replaced"})
ROLES = ("replicationRole", "createMode", "sourceServerResourceId", "replica", "sku")
"""What promotion and account failover change outside the program."""
DATA = ("dbforpostgresql", "storage")
FOLLOWS = "dbforpostgresql:VirtualEndpoint"
"""Moves below the promoted server by itself; the program takes it over there and deletes nothing (`retain_on_delete`),
which the engine shows as a replacement."""


def harmful(preview: str) -> list[str]:
    """`op type name` of every step that replaces or deletes, or sets a role or SKU of a data resource."""
    return [f"{step['op']} {_name(step['urn'])}" for step in orjson.loads(preview).get("steps", []) if _harms(step)]


def _harms(step: dict[str, Any]) -> bool:
    if step["op"] in HARMFUL:
        return FOLLOWS not in step["urn"]
    touched = step.get("detailedDiff") or {}
    return step["op"] == "update" and any(kind in step["urn"] for kind in DATA) and any(
        path.split(".")[0].split("[")[0] in ROLES for path in touched)


def _name(urn: str) -> str:
    kind, _, name = urn.rpartition("::")
    return f"{kind.rpartition('$')[2].rpartition('::')[2]} {name}"
