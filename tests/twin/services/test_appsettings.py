"""What a site finds in its environment, and how many instances its plan gives it."""

import pytest

from tests.twin.services.sites import ask, deploy, eventually, make_site
from twin.services.appsettings import EXTRA, settings
from twin.services.base import AzureError, Resource, TwinError
from twin.services.plans import scale

PLAN = "Microsoft.Web/serverfarms/plan-eastus"


def told(arm, kind: str, name: str, region: str, **outputs) -> None:
    """Puts a resource into the record as if it ran."""
    id = arm.id(f"Microsoft.Test/things/{name}")
    arm.cloud.registry.save(Resource(id, f"azure-native:{kind}", name, {}, outputs, region))


async def found(arm, region: str, **pairs: str) -> dict[str, str]:
    config = {"appSettings": [{"name": name, "value": value} for name, value in pairs.items()]}
    return await settings(arm.cloud, Resource(arm.id("Microsoft.Web/sites/a"), "azure-native:web:WebApp", "a",
                                              {"siteConfig": config}, {}, region))


async def test_names_of_the_other_region_lead_through_the_network_between_them(arm):
    told(arm, "storage:StorageAccount", "photos", "eastus", primaryLocation="eastus", secondaryLocation="westus",
         primaryEndpoints={"blob": "https://localhost:2001/photos/"},
         secondaryEndpoints={"blob": "https://localhost:2002/photos-secondary/"})
    told(arm, "dbforpostgresql:Server", "psql", "westus", fullyQualifiedDomainName="localhost:2003")
    pairs = {"OWN": "https://localhost:2001/photos/", "COPY": "https://localhost:2002/photos-secondary/",
             "HOSTS": "localhost:2003,localhost:2001", "EDGE": "http://localhost:2009", "TEXT": "no host: 2003"}
    east, west = await found(arm, "eastus", **pairs), await found(arm, "westus", **pairs)
    assert east["OWN"] == pairs["OWN"] and west["COPY"] == pairs["COPY"], "a region's own resources are direct"
    copy = await arm.cloud.network.through("eastus", "westus", 2002)
    assert east["COPY"] == f"https://localhost:{copy}/photos-secondary/", "the copy is in the other region"
    assert west["HOSTS"].startswith("localhost:2003,") and not west["HOSTS"].endswith(":2001"), "each host by itself"
    assert east["EDGE"] == pairs["EDGE"] and west["TEXT"] == pairs["TEXT"], "nothing else is touched"
    assert await found(arm, "eastus", **pairs) == east, "it is always the same, or instances would be replaced"


async def test_tests_can_add_settings_to_every_site(arm, monkeypatch):
    monkeypatch.setenv(EXTRA, '{"JOURNAL_WITHOUT": "lineage"}')
    assert (await found(arm, "eastus", A="1")) == {"A": "1", "JOURNAL_WITHOUT": "lineage"}, "beside its own"
    for wrong in ("{", "[1]"):
        monkeypatch.setenv(EXTRA, wrong)
        with pytest.raises(TwinError, match="must be a JSON object"):
            await found(arm, "eastus")


async def test_a_plan_is_scaled_by_resource_manager_and_its_instances_follow(cloud, arm):
    site = await make_site(arm, "web")
    await deploy(cloud, "web", "build1")
    plan = cloud.get(arm.id(PLAN))

    async def running(count: int) -> bool:
        return len([process for process in cloud.runner.all() if process.spec.service == "web"]) == count
    first = next(process.pid for process in cloud.runner.all() if process.spec.service == "web")
    shown = await scale(cloud, plan, {"sku": {"capacity": 3}}, {})
    assert (shown["sku"]["capacity"], shown["properties"]["numberOfWorkers"]) == (3, 3), "the answer tells the new size"
    await eventually(lambda: running(3), 60)
    assert first in {process.pid for process in cloud.runner.all()}, "the one that ran goes on"
    assert not await cloud.settle() and (await ask(cloud, "GET", f"https://{site['defaultHostName']}/")).is_success
    await scale(cloud, cloud.get(arm.id(PLAN)), {"sku": {"capacity": 1}}, {})
    await eventually(lambda: running(1), 60)


@pytest.mark.parametrize("body", [{}, {"sku": {"capacity": 0}}, {"sku": {"capacity": "2"}}, {"sku": {"capacity": 31}}])
async def test_a_size_that_no_plan_has_is_refused(cloud, arm, body):
    await make_site(arm, "web")
    with pytest.raises(AzureError, match=r"from 1 to 30; got"):
        await scale(cloud, cloud.get(arm.id(PLAN)), body, {})
