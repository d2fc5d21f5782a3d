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
import sys
import types
import typing
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("table.json")
COVERED_TYPES = {
    "applicationinsights": "Component",
    "authorization": "RoleAssignment",
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


class Azure:
    """Lays Azure's type data over the SDK's: every method takes SDK nodes and adds "az"."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder))
        self.validate, self.overrides = importlib.import_module("validate"), importlib.import_module("overrides")
        self.index = self.validate.load("index.json")

    def resource(self, token: str, entry: dict[str, Any], pool: dict[str, Any]) -> None:
        path = self.overrides.PATHS[token]
        provider, *segments = path.rsplit("/providers/", 1)[1].split("/")
        arm = "/".join([provider, *segments[0::2]])
        versions = self.index["types"][arm.lower()]["versions"]
        used = self.validate.nearest(entry["api"], versions)
        data = self.validate.load(f"{provider.lower()}@{used}.json")
        self.types, self.pool, self.seen = data["types"], pool, set()
        self.exact = used == entry["api"]
        id_path = path.replace("/providers/Microsoft.Resources/resourceGroups", "/resourceGroups")
        entry["az"] = {"path": id_path, "data": f"{arm}@{used}", "names": self.names(data, provider, segments)}
        root = self.types[data["resources"][arm.lower()]]
        base = None
        if root["t"] == "tagged":
            base, root = root, self.types[root["of"].get(segments[-1], next(iter(root["of"].values())))]
        skip = self.overrides.path_only(token)
        self.object(entry["in"], self.owners(root, base), skip, envelope=True)

    def names(self, data: dict[str, Any], provider: str, segments: list[str]) -> dict[str, Any]:
        """{path parameter: constraints of that name} for every level of the path."""
        found = {}
        for depth, segment in enumerate(segments[1::2], 1):
            holder = data["resources"].get("/".join([provider, *segments[0 : 2 * depth : 2]]).lower())
            name = self.types[holder]["p"].get("name") if holder is not None and "p" in self.types[holder] else None
            limits = self.limits(self.types[name[0]]) if name and segment.startswith("{") else {}
            if limits:
                found[segment.strip("{}")] = limits
        return found

    def owners(self, node: dict[str, Any], base: dict[str, Any] | None = None) -> list[tuple[Any, list[str]]]:
        """As `Checker._object` of the oracle: the ARM objects whose members are this SDK object's own."""
        owners = [(node, []), *([(base, [])] if base else [])]
        inner = node.get("p", {}).get("properties", (-1, 0))[0]
        if inner >= 0 and node.get("flat") is not False and self.types[inner]["t"] in ("object", "tagged"):
            owners.append((self.types[inner], ["properties"]))
        return owners

    def object(self, name: str, owners: list[Any], skip: frozenset[str] = frozenset(), envelope: bool = False) -> None:
        entry = self.pool[name]
        if name in self.seen:
            return
        self.seen.add(name)
        checker, flat, required, read_only = self.validate.Checker(self.types), owners[0][0].get("flat"), [], []
        for key, node in entry["p"].items():
            places = [] if key in skip else checker.places([o for o in owners if "p" in o[0]], key, flat)
            if not places:
                continue
            owner, _, index, flags = min(places, key=lambda p: p[3] & 2)
            if flags & 2:
                read_only.append(key)
            elif flags & 1 and key not in entry.get("r", ()) and not (envelope and key in ("id", "name", "type")):
                inner = len(owners) > 1 and owner is owners[-1][0]
                required += [] if inner and not self.container_required(owners[0][0]) else [key]
            if index >= 0:
                self.node(node, self.types[index])
        entry["az"] = {k: v for k, v in {"r": required, "ro": read_only}.items() if v}
        if not entry["az"]:
            del entry["az"]

    @staticmethod
    def container_required(node: dict[str, Any]) -> bool:
        return bool(node["p"].get("properties", (-1, 0))[1] & 1)

    def node(self, node: dict[str, Any], azure: dict[str, Any]) -> None:
        if azure["t"] == "union":
            azure = next((self.types[i] for i in azure["of"] if self.types[i]["t"] in ("object", "enum")), azure)
        limits = self.limits(azure)
        if limits:
            node["az"] = limits
        if node["t"] in self.pool and azure["t"] == "object":
            self.object(node["t"], self.owners(azure))
        elif node["t"] in ("array", "map") and azure["t"] in ("array", "object") and ("of" in azure or "more" in azure):
            self.node(node["of"], self.types[azure.get("of", azure.get("more"))])
        elif node["t"] in ("union", *self.pool) and azure["t"] == "tagged":
            self.tagged(node, azure)

    def tagged(self, node: dict[str, Any], azure: dict[str, Any]) -> None:
        for member in node["of"] if node["t"] == "union" else [node]:
            constant = next(iter(self.pool.get(member["t"], {}).get("const", {}).values()), None)
            if constant in azure["of"]:
                self.object(member["t"], self.owners(self.types[azure["of"][constant]], azure))

    def limits(self, azure: dict[str, Any]) -> dict[str, Any]:
        found = {k: azure[k] for k in ("re", "min", "max") if k in azure and azure["t"] != "object"}
        if azure["t"] == "enum":
            found |= {"e": azure["v"], "exact": self.exact}
        return found


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
