"""The derived table at run time: resource types, their ids, names and locations.

Naming and location follow the real provider (`AutoNamer`, `getDefaultName`, `getDefaultLocation`):
https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/resources/resources.go
https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/provider.go
"""

import functools
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.provider.values import UNKNOWN

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"
DEPLOYER = "00000000-0000-4000-8000-000000000003"
RANDOMLY_NAMED = "__createBeforeDelete"
"""Input by which the real provider remembers that it chose a random name, so that a replacement can come first."""


class NotCovered(Exception):
    """A resource type or function that the twin does not know; str() is for the user."""

    def __init__(self, token: str) -> None:
        super().__init__(
            f"NotCovered: {token} is not covered by the local twin (twin/COVERAGE.md lists what is). "
            "Azure may well have it: leave it out of this stack, or add it in twin/provider/derive.py and derive again."
        )


@functools.cache
def table() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("table.json").read_bytes())


@dataclass(frozen=True)
class ResourceType:
    """One resource type; `inputs` and `outputs` map property names to nodes (see derive.py)."""

    token: str
    entry: Mapping[str, Any]

    @property
    def api(self) -> str:
        return self.entry["api"]

    @property
    def path(self) -> str:
        """Template of the id, in the SDK's names; a leading {scope} brings its own slash or none."""
        return self.entry["az"]["path"]

    @property
    def inputs(self) -> Mapping[str, Any]:
        return table()["types"][self.entry["in"]]["p"]

    @property
    def outputs(self) -> Mapping[str, Any]:
        return self.entry["out"]

    @functools.cached_property
    def path_parameters(self) -> tuple[str, ...]:
        """Inputs that are part of the id, in its order."""
        return tuple(re.findall(r"\{(\w+)\}", self.path.replace("{subscriptionId}", "")))

    @functools.cached_property
    def replaces(self) -> frozenset[str]:
        """Inputs (`a` or `a.b`) whose change replaces the resource."""
        return frozenset(self.path_parameters) | frozenset(self.entry.get("replace", ()))

    @property
    def name_parameter(self) -> str | None:
        """The input that names the resource: the last part of its path, None for a fixed one."""
        last = self.path.rsplit("/", 1)[1]
        return last.strip("{}") if last.startswith("{") else None

    def arm_id(self, inputs: Mapping[str, Any], subscription: str = SUBSCRIPTION) -> str:
        values = {**inputs, "subscriptionId": subscription}
        return re.sub(r"\{(\w+)\}", lambda m: str(values[m[1]]).strip("/"), self.path)

    def path_inputs(self, arm_id: str) -> dict[str, str]:
        """The path parameters that an id holds, for an import; raises ValueError when it is of another type."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        pattern = re.sub(r"^/\(\?P<(\w+)>\[\^/\]\+\)", r"(?P<\1>/.+)", pattern)  # a scope is an id itself
        found = re.fullmatch(pattern, arm_id, re.IGNORECASE)
        if not found:
            raise ValueError(f"the id {arm_id} is not one of {self.token}: it must look like {self.path}")
        return {k: v for k, v in found.groupdict().items() if k != "subscriptionId"}


@functools.cache
def resource_type(token: str) -> ResourceType:
    """Raises NotCovered. A version in the token (storage/v20240101) is not part of the SDK's default types."""
    entry = table()["resources"].get(token)
    if entry is None:
        raise NotCovered(token)
    return ResourceType(token, entry)


def automatic_name(kind: ResourceType, urn_name: str, seed: bytes, naming: tuple[str, str] | None
                   ) -> tuple[str | None, bool]:
    """-> (name, whether it is random): a random suffix for top-level resources, a copy of the program's name for
    children, a UUID for role assignments; `pulumi:autonaming` may propose, enforce or disable."""
    parameter = kind.name_parameter
    is_uuid = parameter in ("roleAssignmentName", "roleDefinitionId")
    mode, proposed = naming or ("", "")
    if mode == "DISABLE":
        return None, False
    if mode == "ENFORCE" or (mode == "PROPOSE" and proposed and not is_uuid):
        return proposed, True
    digits = hashlib.sha256(seed or urn_name.encode()).hexdigest()
    if is_uuid:
        return str(uuid.UUID(digits[:32])), True
    last_provider = kind.path.lower().split("microsoft.")[-1]
    if kind.token.endswith(":ResourceGroup") or parameter == "endpointName" or last_provider.count("{") == 1:
        return urn_name + digits[:8], True
    return urn_name, False


def default_location(olds: Mapping[str, Any], news: Mapping[str, Any], configured: str | None,
                     groups: Mapping[str, str]) -> str | None:
    """The old input's, then the configured, then the resource group's (unknown when that is unknown)."""
    group = news.get("resourceGroupName")
    return olds.get("location") or configured or groups.get(group, UNKNOWN if group == UNKNOWN else None)


def normal_location(location: str) -> str:
    """`West US 2` and `westus2` are one location to Azure."""
    return location.replace(" ", "").lower()
