"""What the provider does, on plain property maps; `__main__.py` speaks the engine's protocol around it.

Behaviour follows https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/provider.go (Check,
Create, Update, Read, Delete) and, for previews, .../provider/pkg/convert/previewOutputs.go. Only realising
(create, read, update, delete outside a preview) talks to the twin's control plane.
"""

from collections.abc import Mapping
from typing import Any

from twin.provider import control, diff
from twin.provider.check import Refusal, check
from twin.provider.rules import RULES
from twin.provider.table import (
    DEPLOYER,
    RANDOMLY_NAMED,
    SUBSCRIPTION,
    TENANT,
    NotCovered,
    ResourceType,
    automatic_name,
    default_location,
    resource_type,
    table,
)
from twin.provider.values import UNKNOWN

Properties = dict[str, Any]
CLIENT_CONFIG = "azure-native:authorization:getClientConfig"
LOOK_UPS = {"azure-native:dbforpostgresql:getVirtualEndpoint": "azure-native:dbforpostgresql:VirtualEndpoint"}
STABLE_OUTPUTS = ("name", "location")


class Provider:
    """One provider process: its configuration, and what it saw of the program so far."""

    def __init__(self) -> None:
        self.location: str | None = None
        self.subscription = SUBSCRIPTION
        self.group_locations: dict[str, str] = {}
        self.account_names: dict[str, str] = {}

    def configure(self, variables: Mapping[str, str]) -> None:
        """`azure-native:location` and `azure-native:subscriptionId` are the settings with a meaning here."""
        self.location = variables.get("azure-native:config:location")
        self.subscription = variables.get("azure-native:config:subscriptionId") or SUBSCRIPTION

    def check(self, urn: str, olds: Properties, news: Properties, seed: bytes, naming: tuple[str, str] | None = None
              ) -> tuple[Properties, list[Refusal]]:
        """-> the inputs with defaults, and what Azure would refuse. `naming`: (mode, name) of `pulumi:autonaming`."""
        kind, name = resource_type(token_of(urn)), urn.rsplit("::", 1)[1]
        inputs = self.with_defaults(kind, name, olds, dict(news), seed, naming)
        refusals = [*check(kind, inputs), *RULES.get(kind.token, lambda _: ())(inputs), *self.taken(kind, urn, inputs)]
        group, location = inputs.get("resourceGroupName"), inputs.get("location")
        if kind.token.endswith(":ResourceGroup") and UNKNOWN not in (group, location) and group and location:
            self.group_locations[group] = location
        return inputs, refusals

    def with_defaults(self, kind: ResourceType, name: str, olds: Properties, inputs: Properties, seed: bytes,
                      naming: tuple[str, str] | None) -> Properties:
        parameter = kind.name_parameter
        if parameter and parameter not in inputs:
            if parameter in olds:
                given, random = olds[parameter], olds.get(RANDOMLY_NAMED) is True
            else:
                given, random = automatic_name(kind, name, seed, naming)
            inputs |= {parameter: given} if given is not None else {}
            inputs |= {RANDOMLY_NAMED: True} if random else {}
        if "location" in kind.inputs and "location" not in inputs:
            location = default_location(olds, inputs, self.location, self.group_locations)
            inputs |= {"location": location} if location else {}
        return {"azureApiVersion": kind.api, **inputs} if kind.api else inputs

    def taken(self, kind: ResourceType, urn: str, inputs: Properties) -> list[Refusal]:
        """A storage account's name is unique in all of Azure, so certainly in one program."""
        name = inputs.get("accountName")
        if not kind.token.endswith("storage:StorageAccount") or name in (None, UNKNOWN):
            return []
        owner = self.account_names.setdefault(name, urn)
        reason = f"{name} is already the name of {owner.rsplit('::', 1)[1]} in this program; choose another."
        return [] if owner == urn else [Refusal("accountName", "StorageAccountAlreadyTaken", reason)]

    def diff(self, urn: str, olds: Properties, news: Properties, state: Properties) -> tuple[dict[str, str], bool]:
        """-> changes (see diff.changes) and whether a replacement deletes first, as it must where the name is given."""
        found = diff.changes(resource_type(token_of(urn)), olds, news, state)
        replaces = any(what.endswith("_replace") for what in found.values())
        return found, replaces and olds.get(RANDOMLY_NAMED) is not True

    def create(self, urn: str, inputs: Properties, preview: bool) -> tuple[str, Properties]:
        kind = resource_type(token_of(urn))
        if preview:
            return "", preview_outputs(kind.outputs, inputs)
        arm_id = kind.arm_id(inputs, self.subscription)
        return arm_id, self.put(urn, kind, arm_id, inputs, create=True)

    def update(self, urn: str, arm_id: str, state: Properties, inputs: Properties, preview: bool) -> Properties:
        kind = resource_type(token_of(urn))
        if preview:
            known = {k: state[k] for k in STABLE_OUTPUTS if k in state}
            return preview_outputs(kind.outputs, inputs) | known
        return self.put(urn, kind, arm_id, inputs)

    def put(self, urn: str, kind: ResourceType, arm_id: str, inputs: Properties, create: bool = False) -> Properties:
        body = {"urn": urn, "type": kind.token, "id": arm_id, "name": arm_id.rsplit("/", 1)[1], "create": create,
                "inputs": {k: v for k, v in inputs.items() if not k.startswith("__")}}
        answer = control.call("PUT", "/twin/resources", body)
        return complete(kind, arm_id, inputs, answer["outputs"])

    def read(self, urn: str, arm_id: str, olds: Properties, state: Properties) -> tuple[str, Properties, Properties]:
        """-> (id, outputs, inputs); id "" when the resource is gone. `olds` are the inputs so far, {} on import."""
        kind = resource_type(token_of(urn))
        try:
            found = control.call("GET", "/twin/resources", id=arm_id)
        except control.AzureError as error:
            if error.status != 404:
                raise
            return "", {}, {}
        outputs = complete(kind, arm_id, found["inputs"], found["outputs"])
        if not olds:
            inputs = {**diff.as_inputs(kind, outputs), **kind.path_inputs(arm_id), "azureApiVersion": kind.api}
        else:
            inputs = diff.with_drift(olds, diff.as_inputs(kind, state), diff.as_inputs(kind, outputs))
        return arm_id, outputs, inputs

    def delete(self, arm_id: str) -> None:
        """A resource that is gone already is deleted, as Azure's 204 says."""
        try:
            control.call("DELETE", "/twin/resources", id=arm_id)
        except control.AzureError as error:
            if error.status != 404:
                raise

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Who is signed in, or a resource by the parts of its path; tokens and other look-ups are refused by name.
        Raises NotCovered, AzureError."""
        if token in LOOK_UPS:
            kind = resource_type(LOOK_UPS[token])
            arm_id = kind.arm_id(arguments, self.subscription)
            found = control.call("GET", "/twin/resources", id=arm_id)
            return complete(kind, arm_id, found["inputs"], found["outputs"]) | {"id": arm_id}
        if token != CLIENT_CONFIG:
            raise NotCovered(token)
        return {"clientId": DEPLOYER, "objectId": DEPLOYER, "subscriptionId": self.subscription, "tenantId": TENANT}


def token_of(urn: str) -> str:
    """`urn:pulumi:stack::project::parent$azure-native:storage:Queue::name` -> `azure-native:storage:Queue`."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def complete(kind: ResourceType, arm_id: str, inputs: Properties, outputs: Properties) -> Properties:
    """The outputs that the control plane gave, over the inputs that come back as outputs."""
    echoed = {k: v for k, v in inputs.items() if k in kind.outputs}
    made = {"name": arm_id.rsplit("/", 1)[1], **echoed, **outputs, "azureApiVersion": kind.api}
    made.pop("id", None)
    return made


def preview_outputs(nodes: Mapping[str, Any], inputs: Mapping[str, Any]) -> Properties:
    """Inputs in the shape of outputs; every output that is no input is unknown."""
    return {name: _previewed(node, inputs.get(name, UNKNOWN)) for name, node in nodes.items()}


def _previewed(node: Mapping[str, Any], value: Any) -> Any:
    kind = node["t"]
    if value == UNKNOWN or kind in ("any", "union", "string", "boolean", "integer", "number"):
        return UNKNOWN if isinstance(value, Mapping | list) and kind not in ("any", "union") else value
    if kind == "array" and isinstance(value, list):
        return [_previewed(node["of"], v) for v in value]
    if kind == "map" and isinstance(value, Mapping):
        return {k: _previewed(node["of"], v) for k, v in value.items()}
    if kind in table()["types"] and isinstance(value, Mapping):
        return preview_outputs(table()["types"][kind]["p"], value)
    return UNKNOWN
