"""Derive `table.json`: what the provider knows of each resource type that it covers.

    python -m twin.provider.derive                       # what the pinned SDK says, Azure's part kept as it is
    python -m twin.provider.derive --oracle FOLDER       # Azure's part again too

The first reads `pulumi_azure_native`'s own argument and output classes. FOLDER holds Azure's type data (from
https://github.com/Azure/bicep-types-az, with `overrides.py` and `validate.py` that map it to SDK names); it gives path
templates, patterns, lengths, ranges, further required properties and enum values, kept under "az" in every node.

Shape: {"sdk": version, "resources": {token: {"api", "in", "out", "replace", "az"}}, "types": {name: {"p":
{property: node}, "r": [required], "const": {tag: value}, "az": {"r": [required], "ro": [read-only]}}}}; a node is
{"t": kind, "of": node | [nodes], "e": enum values, "az": {"re", "min", "max", "e"}} where kind is a JSON type, "any",
"array", "map", "union" or a name in "types".
"""

import argparse
import collections.abc
import enum
import importlib
import inspect
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

from twin.provider.derive_azure import Azure

TABLE = Path(__file__).with_name("table.json")
COVERED_TYPES = {
    "applicationinsights": "Component",
    "authorization": "RoleAssignment RoleDefinition",
    "cdn": "AFDEndpoint AFDOrigin AFDOriginGroup Profile Route Rule RuleSet SecurityPolicy",
    "dbforpostgresql": "AdministratorsMicrosoftEntra Configuration Database FirewallRule Server VirtualEndpoint",
    "frontdoor": "Policy",
    "keyvault": "Vault",
    "managedidentity": "UserAssignedIdentity",
    "monitor": "ActionGroup AutoscaleSetting DiagnosticSetting MetricAlert ScheduledQueryRule",
    "network": "NetworkSecurityGroup PrivateDnsZoneGroup PrivateEndpoint Subnet VirtualNetwork",
    "operationalinsights": "Workspace",
    "privatedns": "PrivateZone VirtualNetworkLink",
    "redisenterprise": "AccessPolicyAssignment Database RedisEnterprise",
    "resources": "ResourceGroup",
    "storage": "BlobContainer BlobServiceProperties ManagementPolicy Queue QueueServiceProperties StorageAccount",
    "web": "AppServicePlan WebApp WebAppApplicationSettings WebAppAuthSettingsV2 WebAppDiagnosticLogsConfiguration "
    "WebAppFtpAllowed WebAppScmAllowed WebAppSwiftVirtualNetworkConnection",
}
COVERED = [f"{module}:{name}" for module, names in COVERED_TYPES.items() for name in names.split()]
REPLACES = {
    # The provider's own list: https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go
    "authorization:RoleAssignment": ["principalId"],
    "cdn:Profile": ["location", "sku.name"],
    "network:PrivateEndpoint": ["subnet"],
    "network:VirtualNetwork": ["location"],
    "resources:ResourceGroup": ["location"],
    "storage:StorageAccount": ["isHnsEnabled", "location"],
    "web:WebApp": ["location", "kind", "reserved", "isXenon", "hyperV"],
    # Create-only in the REST specifications (x-ms-mutability without "update", @visibility(Read, Create) in TypeSpec):
    # https://github.com/Azure/azure-rest-api-specs/tree/main/specification: `location` of every TrackedResource of
    # common-types/resource-management; redisenterprise/…/models.tsp; postgresql/…/FlexibleServers; web/…/AppService.
    "applicationinsights:Component": ["location"],
    "cdn:AFDEndpoint": ["location"],
    "dbforpostgresql:Server": [
        "location", "administratorLogin", "availabilityZone", "pointInTimeUTC", "sourceServerResourceId"],
    "managedidentity:UserAssignedIdentity": ["location"],
    "monitor:ActionGroup": ["location"],
    "monitor:AutoscaleSetting": ["location"],
    "monitor:MetricAlert": ["location"],
    "monitor:ScheduledQueryRule": ["location"],
    "operationalinsights:Workspace": ["location"],
    "redisenterprise:Database": ["port", "modules", "geoReplication"],
    "redisenterprise:RedisEnterprise": ["location"],
    "web:AppServicePlan": ["location", "reserved", "isXenon", "hyperV"],
}
"""Properties whose change replaces the resource, besides the parts of its path, which always do."""
KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}


class Sdk:
    """Reads `pulumi_azure_native`; collects the object types that it meets in `types`."""

    def __init__(self) -> None:
        from pulumi import _types

        self._types = _types
        self.types: dict[str, Any] = {}

    def resource(self, token: str) -> dict[str, Any]:
        module, name = token.split(":")
        package = importlib.import_module(f"pulumi_azure_native.{module}")
        cls = getattr(package, name)
        api = re.search(r"Uses Azure REST API version ([\w-]+)", inspect.getsource(cls))
        outputs = self._types.resource_types(cls)
        return {
            "api": api[1].rstrip(".") if api else "",
            "replace": REPLACES.get(token, []),
            "in": self.object(getattr(package, name + "InitArgs", None) or getattr(package, name + "Args"), module),
            "out": {k: self.node(v, module) for k, v in sorted(outputs.items()) if k not in ("urn", "id")},
        }

    def object(self, cls: type, module: str) -> str:
        name = f"{module}:{cls.__name__}"
        if name not in self.types:
            entry = self.types[name] = {"p": {}}
            hints = self._types.input_type_types if self._types.is_input_type(cls) else self._types.output_type_types
            entry["p"] |= {k: self.node(v, module) for k, v in sorted(hints(cls).items())}
            if self._types.is_input_type(cls):
                entry |= self.demands(cls)
        return name

    def demands(self, cls: type) -> dict[str, Any]:
        """-> {"r": required properties, "const": {discriminator: value}} where there are any."""
        names = self._types.input_type_py_to_pulumi_names(cls)
        parameters = inspect.signature(cls.__init__).parameters.values()
        required = [names[p.name] for p in parameters if p.name in names and p.default is p.empty]
        fixed = re.findall(r"pulumi\.set\(__self__, \"(\w+)\", '([^']+)'\)", inspect.getsource(cls.__init__))
        found = {"r": required, "const": {names[k]: v for k, v in fixed}}
        return {k: v for k, v in found.items() if v}

    def node(self, hint: Any, module: str) -> dict[str, Any]:
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return {"t": "string", "e": [e.value for e in hint]}
        if hint in KINDS:
            return {"t": KINDS[hint]}
        if isinstance(hint, type) and (self._types.is_input_type(hint) or self._types.is_output_type(hint)):
            return {"t": self.object(hint, module)}
        origin, args = typing.get_origin(hint), [a for a in typing.get_args(hint) if not wrapper(a)]
        if origin in (typing.Union, types.UnionType):
            return self.union(args, module)
        if origin in (collections.abc.Sequence, list):
            return {"t": "array", "of": self.node(args[0], module)}
        if origin in (collections.abc.Mapping, dict):
            return {"t": "map", "of": self.node(args[1], module)}
        return {"t": "any"}

    def union(self, members: list[Any], module: str) -> dict[str, Any]:
        nodes = [self.node(m, module) for m in members]
        values = [n for n in nodes if "e" in n]
        if values and all(n["t"] == "string" for n in nodes):  # an enum that Azure may extend
            return values[0] | {"open": True}
        return nodes[0] if len(nodes) == 1 else {"t": "union", "of": nodes}


def wrapper(hint: Any) -> bool:
    """Whether a member of Input[T] is one that wraps T (Awaitable, Output) or None."""
    return hint is type(None) or (typing.get_origin(hint) or hint).__name__ in ("Awaitable", "Output")


def stripped(node: Any) -> Any:
    """A table without Azure's part: what the SDK alone gives."""
    if isinstance(node, dict):
        return {k: stripped(v) for k, v in node.items() if k != "az"}
    return [stripped(v) for v in node] if isinstance(node, list) else node


def merged(new: Any, old: Any) -> Any:
    """`new` with the "az" of `old` wherever both have the same place."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {k: merged(v, old.get(k)) for k, v in new.items()} | {k: old[k] for k in ("az",) if k in old}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [merged(n, o) for n, o in zip(new, old, strict=True)]
    return new


def from_sdk() -> dict[str, Any]:
    """What the installed SDK alone says of the covered types."""
    from importlib.metadata import version

    sdk = Sdk()
    resources = {f"azure-native:{token}": sdk.resource(token) for token in COVERED}
    return {"sdk": version("pulumi-azure-native"), "resources": resources, "types": dict(sorted(sdk.types.items()))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracle", type=Path, help="folder of Azure's type data; without it Azure's part is kept")
    options = parser.parse_args()
    table = from_sdk()
    if options.oracle:
        azure = Azure(options.oracle.resolve())
        for token in COVERED:
            azure.resource(token, table["resources"][f"azure-native:{token}"], table["types"])
    else:
        table = merged(table, json.loads(TABLE.read_text()))
    TABLE.write_text(json.dumps(table, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{TABLE.name}: {len(table['resources'])} resource types, {TABLE.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
