"""Configuration that cannot work is refused before anything is registered, and the message helps."""

import json
import re
import runpy
from pathlib import Path
from typing import get_args

import pulumi
import pytest
from pulumi.runtime import config as pulumi_config
from pydantic import BaseModel

from components.config import Platform
from components.load import ConfigurationRefused, load_platform

KEY = "tracking:platform"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def load():
    """load(platform, secret=False) reads it as the program does."""
    def loaded(platform, secret=False):
        text = platform if isinstance(platform, str) else json.dumps(platform)
        pulumi_config.set_all_config({KEY: text}, [KEY] if secret else [])
        return load_platform(pulumi.Config("tracking"))
    yield loaded
    pulumi_config.set_all_config({}, [])


def change(platform, path, value):
    """Sets `regions.1.queueSku` and the like; the value None takes the key away."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        platform = platform.setdefault(part, {}) if isinstance(platform, dict) else platform[part]
    if value is None:
        del platform[last]
    elif last == "+":
        platform.append(value)
    else:
        platform[last] = value


def test_the_primary_stack_is_accepted(load, primary):
    platform = load(primary)
    assert [region.location for region in platform.regions] == ["eastus", "westus"], "the pair of the primary stack"
    assert [service.name for service in platform.services] == ["web", "api", "worker", "static"], "its services"


WRONG = {
    "GZRS in West US": ("regions.1.queueSku", "Standard_GZRS",
                        ("regions[1].queueSku", "GZRS exists in", "'Standard_GZRS'", "no zones", "leave queueSku out")),
    "read-access redundancy for queues": ("regions.0.queueSku", "Standard_RAGRS",
                                          ("regions[0].queueSku", "Standard_GZRS", "RAGRS", "pulumi config set")),
    "readable GZRS in West US": ("regions.1.blobSku", "Standard_RAGZRS", ("regions[1].blobSku", "no zones")),
    "a region nobody knows": ("regions.1.location", "moonbase", ("regions[1].location", "'moonbase'", "eastus")),
    "one region twice": ("regions.1.location", "eastus", ("two different regions", "no standby", "westus")),
    "three regions": ("regions.+", {"location": "eastus2"}, ("regions", "at most 2", "The pair")),
    "a primary that is no region of it": ("primary", "centralus", ("primary", "one of eastus, westus", "'centralus'")),
    "zones in West US": ("regions.1.zoneRedundant", True, ("regions[1].zoneRedundant", "has none")),
    "zones with one instance": ("regions.0", {"location": "eastus", "instances": 1, "zoneRedundant": True},
                                ("regions[0].instances", "at least 2", "raise instances")),
    "Premium v4 over zones in East US": ("compute.planSku", "P1v4", ("Premium v3", "'P1v4'")),
    "a Burstable database": ("database.tier", "Burstable", ("GeneralPurpose or MemoryOptimized", "replica")),
    "an odd disk": ("database.storageGb", 100, ("database.storageGb", "one of 32, 64", "100", "next larger")),
    "a plan that is too small": ("compute.planSku", "B1", ("compute.planSku", '"B1"', "Premium")),
    "a plan that there is not": ("compute.planSku", "P0v2", ("compute.planSku", '"P0v2"', "such as P0v3")),
    "a key that does not exist": ("edge.skuu", "x",
                                  ("edge.skuu", "no such key; known are sku", "Front Door", "config rm")),
    "a missing owner": ("owner", None, ("owner", "got nothing", "team that runs")),
    "a long name": ("name", "theshipmenttracker", ("name", "theshipmenttracker", "2 to 9")),
    "two services on one path": ("services.1.path", "/", ("every path once", "'/'", "2 services")),
    "two services of one name": ("services.1.name", "web", ("every name, dashes aside, once", "'web'")),
    "two names that differ by a dash": ("services.1.name", "w-eb", ("every name, dashes aside, once", "'web'")),
    "a name of the platform's own": ("services.1.name", "migrator", ("services[1] (migrator).name", "any but")),
    "no worker": ("services.2.kind", "web-app", ("exactly one of kind function-app", "this repository's own")),
    "a service's primary elsewhere": ("services.0.primary", "uksouth", ("services[0] (web).primary", "'uksouth'")),
    "a worker away from the writer": ("services.2.primary", "westus",
                                      ("services[2] (worker).primary", "'westus'", "writing database")),
    "an unknown mode": ("services.0.mode", "sometimes", ("services[0].mode", "'automatic' or 'manual'", '"sometimes"')),
    "a path without a slash": ("services.1.path", "api", ("services[1].path", '"api"', "such as /api")),
    "a probe that never counts": ("services.0.probe", {"sampleSize": 2, "successfulSamples": 3},
                                  ("probe.successfulSamples", "at most sampleSize, 2", "got 3")),
    "a probe that is too quick": ("services.0.probe", {"intervalSeconds": 1},
                                  ("probe.intervalSeconds", "greater than or equal to 5", "got 1")),
    "an external service without hosts": ("services.+",
                                          {"name": "maps", "kind": "external", "path": "/m", "owner": "me"},
                                          ("hosts", "one host for each of eastus, westus")),
    "hosts of a web app": ("services.0.hosts", {"eastus": "a"}, ("only with kind external", "leave hosts out")),
    "a setting of the platform's own": ("services.0.settings", {"QUEUES__queueServiceUri": "x"},
                                        ("does not set itself", "'QUEUES__queueServiceUri'")),
    "a switch of the drills": ("services.1.settings", {"JOURNAL_WITHOUT": "lineage"},
                               ("any but the switches of drills", "'JOURNAL_WITHOUT'", "loses acknowledged commands")),
    "a mode given as a setting": ("services.1.settings", {"MODE": "manual"}, ("does not set itself", "'MODE'")),
    "a durability that is none": ("durability", "best", ("durability", "'available' or 'strict'", '"best"')),
    "an operator that is no id": ("services.0.operators", [{"objectId": "me", "type": "User"}],
                                  ("services[0].operators[0].objectId", '"me"')),
    "an alert to no address": ("alerts", {"portal": "someone"}, ("alerts.portal", '"someone"', "address")),
    "an alert for nobody": ("alerts", {"nobody": "a@example.com"},
                            ("alerts", "owners, here platform, portal, shipments", "'nobody'", "correct the name")),
    "a setting that Flex refuses": ("services.2.settings", {"FUNCTIONS_WORKER_RUNTIME": "python"},
                                    ("does not set itself", "'FUNCTIONS_WORKER_RUNTIME'")),
    "reads spread for the worker": ("services.2.strategy", "active-active-reads", ("active-passive", "no readers")),
    "an address that is none": ("deployerAddresses", ["10.0.0.0/33"], ("deployerAddresses", "'10.0.0.0/33'")),
    "a deployer that is no id": ("deployers", [{"objectId": "me", "type": "User"}], ("deployers[0].objectId", '"me"')),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_is_refused_with_limit_value_reason_and_next_act(load, primary, case):
    path, value, said = WRONG[case]
    if case == "Premium v4 over zones in East US":
        primary["regions"][0]["zoneRedundant"] = True
    change(primary, path, value)
    with pytest.raises(ConfigurationRefused) as refused:
        load(primary)
    message = str(refused.value)
    missing = [part for part in said if part not in message]
    assert not missing, f"{case}: the message lacks {missing}; it is: {message}"
    assert "tracking:platform" in message and "nothing was changed" in message, "it says where, and that all is well"


def test_a_missing_configuration_is_refused_with_what_to_copy():
    pulumi_config.set_all_config({}, [])
    with pytest.raises(ConfigurationRefused, match=r"tracking:platform is missing.*Copy it from Pulumi\.primary\.yaml"):
        load_platform(pulumi.Config("tracking"))


def test_text_that_is_no_object_is_refused(load):
    with pytest.raises(ConfigurationRefused, match="tracking:platform"):
        load("eastus and westus")


def test_the_value_of_a_secret_is_never_shown(load, primary):
    primary["owner"] = "x"
    primary["services"][0]["mode"] = "hunter2-mode"
    primary["primary"] = "hunter2region"
    with pytest.raises(ConfigurationRefused) as refused:
        load(primary, secret=True)
    assert "hunter2" not in str(refused.value), "a secret's value must not reach a log"
    assert "services[0].mode" in str(refused.value), "which value it is may be said"


def test_a_refused_configuration_registers_nothing(run, primary):
    primary["regions"][1]["queueSku"] = "Standard_GZRS"
    seen = []
    def main():
        try:
            runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        except ConfigurationRefused as refused:
            seen.append(refused)
    engine = run(main, primary)
    assert seen, "the program must refuse"
    assert engine.resources == [] == engine.calls, "nothing is registered and nobody is asked before"


def models(model=Platform, found=None):
    found = {} if found is None else found
    found[model.__name__] = model
    for field in model.model_fields.values():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                models(inner, found)
    return found


def test_every_field_is_documented():
    nameless = [f"{name}.{field}" for name, model in models().items() for field, info in model.model_fields.items()
                if not re.search(r"\w{3}.*\.$", info.description or "")]
    assert not nameless, "a field's description is its documentation, in a sentence"
    assert len(models()) >= 9, "all configuration classes were looked at"


def test_every_configuration_class_refuses_unknown_keys():
    loose = [name for name, model in models().items() if model.model_config.get("extra") != "forbid"]
    assert not loose, "a misspelt key must not be ignored"
