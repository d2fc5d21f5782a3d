"""Inputs that Azure would refuse are refused before anything is created, with the code, the place and the way out."""

import grpc
import pytest

from twin.provider.values import UNKNOWN

ACCOUNT = {"resourceGroupName": "rg", "accountName": "tracking1", "location": "eastus", "kind": "StorageV2",
           "sku": {"name": "Standard_LRS"}}
SERVER = {"resourceGroupName": "rg", "serverName": "pg-east", "location": "eastus",
          "authConfig": {"passwordAuth": "Disabled"}, "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}}
ORIGIN = {"resourceGroupName": "rg", "profileName": "edge", "originGroupName": "web", "originName": "east",
          "hostName": "web.example.net"}
ROUTE = {"resourceGroupName": "rg", "profileName": "edge", "ruleSetName": "rules", "ruleName": "rule", "order": 1}

WRONG = {
    "an unknown property": ("storage:StorageAccount", ACCOUNT | {"alowSharedKeyAccess": False},
                            "InvalidRequestContent: property alowSharedKeyAccess", "mean allowSharedKeyAccess?"),
    "an unknown property inside": ("storage:StorageAccount", ACCOUNT | {"sku": {"name": "Standard_LRS", "teir": "x"}},
                                   "InvalidRequestContent: property sku.teir", "no such property"),
    "a wrong enum": ("storage:StorageAccount", ACCOUNT | {"sku": {"name": "Standard_XRS"}},
                     "InvalidParameter: property sku.name", "'Standard_XRS' is not one of Standard_LRS"),
    "a wrong type": ("storage:StorageAccount", ACCOUNT | {"allowBlobPublicAccess": "no"},
                     "InvalidRequestContent: property allowBlobPublicAccess", "must be a boolean, got str 'no'"),
    "a missing property": ("storage:StorageAccount", {k: v for k, v in ACCOUNT.items() if k != "kind"},
                           "InvalidRequestContent: property kind", "required and missing"),
    "no location": ("storage:StorageAccount", {k: v for k, v in ACCOUNT.items() if k != "location"},
                    "InvalidRequestContent: property location", "required and missing"),
    "capitals in an account name": ("storage:StorageAccount", ACCOUNT | {"accountName": "Tracking1"},
                                    "AccountNameInvalid: property accountName", "must match ^[a-z0-9]+$"),
    "a long account name": ("storage:StorageAccount", ACCOUNT | {"accountName": "a" * 25},
                            "AccountNameInvalid: property accountName", "allowed 3..24 characters, got 25"),
    "a queue name with two hyphens": ("storage:Queue", {"resourceGroupName": "rg", "accountName": "tracking1",
                                                        "queueName": "com--mands"},
                                      "InvalidResourceName: property queueName", "com--mands"),
    "zones in a region without": ("storage:StorageAccount", ACCOUNT | {"location": "West US",
                                                                       "sku": {"name": "Standard_GZRS"}},
                                  "RedundancyConfigurationNotAvailableInRegion: property sku.name",
                                  "use Standard_GRS there"),
    "an origin priority": ("cdn:AFDOrigin", ORIGIN | {"priority": 6}, "InvalidParameter: property priority",
                           "allowed 1..5, got 6"),
    "a URL for an origin host": ("cdn:AFDOrigin", ORIGIN | {"hostName": "https://a/b"}, "BadRequest: property hostName",
                                 "without scheme"),
    "more samples than there are": ("cdn:AFDOriginGroup", {
        "resourceGroupName": "rg", "profileName": "edge", "originGroupName": "web",
        "loadBalancingSettings": {"sampleSize": 2, "successfulSamplesRequired": 3}},
        "BadRequest: property loadBalancingSettings.successfulSamplesRequired", "at most sampleSize (2), got 3"),
    "a burstable replica": ("dbforpostgresql:Server", SERVER | {
        "createMode": "Replica", "sourceServerResourceId": "/x", "sku": {"name": "Standard_B1ms", "tier": "Burstable"}},
        "InvalidParameterValue: property sku.tier", "GeneralPurpose or MemoryOptimized"),
    "an odd disk size": ("dbforpostgresql:Server", SERVER | {"storage": {"storageSizeGB": 33}},
                         "InvalidParameterValue: property storage.storageSizeGB", "got 33"),
    "an unknown rule action": ("cdn:Rule", ROUTE | {"actions": [{"name": "Explode", "parameters": {}}]},
                               "InvalidParameter: property actions[0].name", "'Explode' is not one of CacheExpiration"),
    "a role by its name": ("authorization:RoleAssignment", {"scope": "/subscriptions/1", "principalId": UNKNOWN,
                                                            "roleDefinitionId": "Reader"},
                           "InvalidRoleDefinitionId: property roleDefinitionId", "full resource id"),
    "a vault that cannot be purged": ("keyvault:Vault", {
        "resourceGroupName": "rg", "vaultName": "vault-1", "location": "eastus", "properties": {
            "tenantId": UNKNOWN, "sku": {"family": "A", "name": "standard"}, "enablePurgeProtection": False,
            "enableRbacAuthorization": True}},
        "BadRequest: property properties.enablePurgeProtection", "leave it out, or true"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_is_refused(provider, kind: str) -> None:
    token, inputs, begins, contains = WRONG[kind]
    _, reasons = provider.check(token, inputs, name=kind)
    assert reasons, f"{kind} must be refused"
    assert any(r.startswith(begins) and contains in r for r in reasons), f"code, place, reason; got {reasons}"


@pytest.mark.parametrize(("token", "inputs"), [
    ("storage:StorageAccount", ACCOUNT | {"accountName": "right1"}),
    ("dbforpostgresql:Server", SERVER), ("cdn:AFDOrigin", ORIGIN),
    ("storage:StorageAccount", dict.fromkeys(ACCOUNT, UNKNOWN)),
    ("dbforpostgresql:Server", dict.fromkeys(SERVER, UNKNOWN)),
    ("storage:StorageAccount", ACCOUNT | {"accountName": UNKNOWN, "sku": {"name": UNKNOWN}, "tags": {"a": UNKNOWN}}),
])
def test_right_and_unknown_values_are_accepted(provider, token: str, inputs: dict) -> None:
    _, reasons = provider.check(token, inputs, name="right")
    assert reasons == [], "a value that Azure takes, or that is not known yet, is no reason to refuse"


def test_an_account_name_is_taken_once(provider) -> None:
    provider.check("storage:StorageAccount", ACCOUNT | {"accountName": "unique1"}, name="first")
    _, reasons = provider.check("storage:StorageAccount", ACCOUNT | {"accountName": "unique1"}, name="second")
    assert reasons[0].startswith("StorageAccountAlreadyTaken: property accountName: unique1"), "names are global"


def test_a_type_outside_the_coverage_is_refused_by_name(provider) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        provider.check("compute:VirtualMachine", {})
    assert "azure-native:compute:VirtualMachine" in refused.value.details(), "the type is named"
    assert "COVERAGE.md" in refused.value.details(), "the way to the list is shown"


def test_a_secret_is_never_repeated(provider) -> None:
    _, reasons = provider.check("dbforpostgresql:Server", SERVER | {"administratorLoginPassword": ["hunter2"]})
    assert reasons and "hunter2" not in "".join(reasons), "the refusal names the property, not the password"


def test_names_and_locations_are_given_as_the_real_provider_gives_them(provider) -> None:
    group, _ = provider.check("resources:ResourceGroup", {"location": "westus"}, name="group")
    assert group["resourceGroupName"].startswith("group") and len(group["resourceGroupName"]) == 13, "8 random digits"
    assert group["azureApiVersion"], "the API version becomes an input"
    plan, _ = provider.check("web:AppServicePlan", {"resourceGroupName": group["resourceGroupName"]}, name="plan")
    assert plan["location"] == "westus", "without its own location a resource takes its group's"
    assert plan["name"].startswith("plan") and plan["__createBeforeDelete"], "random: replaced first"
    queue, _ = provider.check("storage:Queue", {"resourceGroupName": "rg", "accountName": "a12"}, name="commands")
    assert queue["queueName"] == "commands", "a child is named as the program names it"
    assert queue.get("__createBeforeDelete") is None, "and so must be gone before it is replaced"
    role = {"scope": "/subscriptions/1", "principalId": UNKNOWN, "roleDefinitionId": UNKNOWN}
    assert len(provider.check("authorization:RoleAssignment", role)[0]["roleAssignmentName"]) == 36, "a UUID"
    again, _ = provider.check("resources:ResourceGroup", {}, olds=group)
    assert again["resourceGroupName"] == group["resourceGroupName"] and again["location"] == "westus", "kept"


REPLACING = [
    ("storage:StorageAccount", {"location": "westus"}, ["location"]),
    ("storage:StorageAccount", {"accountName": "other2"}, ["accountName"]),
    ("storage:StorageAccount", {"isHnsEnabled": True}, ["isHnsEnabled"]),
    ("storage:StorageAccount", {"sku": {"name": "Standard_GRS"}}, []),
    ("storage:StorageAccount", {"tags": {"a": "b"}}, []),
    ("dbforpostgresql:Server", {"sourceServerResourceId": "/x"}, ["sourceServerResourceId"]),
    ("dbforpostgresql:Server", {"sku": {"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"}}, []),
    ("cdn:AFDOrigin", {"priority": 2}, []),
]


@pytest.mark.parametrize(("token", "change", "replaces"), REPLACING)
def test_a_change_replaces_where_the_real_provider_does(provider, token: str, change: dict, replaces: list) -> None:
    olds = {"storage:StorageAccount": ACCOUNT, "dbforpostgresql:Server": SERVER, "cdn:AFDOrigin": ORIGIN}[token]
    found = provider.diff(token, olds, olds | change)
    assert list(found.replaces) == replaces, "only what Azure cannot change in place replaces the resource"
    assert found.diffs, "a change is a change"
    assert found.deleteBeforeReplace == bool(replaces), "a given name is free only once the old resource is gone"


def test_noise_is_no_change(provider) -> None:
    noise = ACCOUNT | {"location": "East US", "resourceGroupName": "RG", "__createBeforeDelete": True}
    assert not provider.diff("storage:StorageAccount", ACCOUNT, noise).diffs, "spelling of places is no change"
    given = provider.diff("storage:StorageAccount", ACCOUNT, ACCOUNT | {"isHnsEnabled": False}, {"isHnsEnabled": False})
    assert not given.replaces, "saying what is already so replaces nothing"
