"""What the stack exports."""

import json

from failover.platform import parse

DEPLOYER = {"objectId": "00000000-0000-4000-8000-000000000003", "type": "ServicePrincipal"}


def test_operators_learn_the_urls(recorded):
    exported = recorded.exports
    assert exported["portalUrl"].startswith("https://tracking-"), "where people go"
    assert exported["apiUrl"] == exported["portalUrl"] + "/api", "where machines go"
    assert exported["frontDoorId"] == "front-door-id", "what the apps admit"
    assert exported["primaryRegion"] == "eastus", "where the writer is"
    assert exported["platform"] == {"name": "tracking", "stack": "primary"}, "which platform it is"
    assert exported["drill"] == {"maxAgeDays": 90}, "when `status` asks for a rehearsal"


def test_operators_learn_every_name_of_each_region(recorded):
    for region in ("eastus", "westus"):
        names = recorded.exports["regions"][region]
        assert set(names) == {
            "web", "api", "worker", "sites", "resourceGroup", "queueAccount", "queueAccountId", "queueUri",
            "blobAccount", "blobAccountId", "blobUri", "vault", "postgres", "postgresServer", "postgresServerId",
            "redis", "redisName", "planId", "instances", "standbyInstances", "workspace"}, "for operations and runbooks"
        assert all(names.values()), f"{region}: nothing is empty"
        assert names["web"].startswith(f"app-tracking-web-{region}"), "each app's own host"
        assert names["postgres"].startswith(f"psql-tracking-{region}"), "each region's own server"
        assert names["postgresServerId"] == f"/id/postgres-{region}", "what a promotion is asked of"
        assert (names["queueAccountId"], names["blobAccountId"]) == (f"/id/queues-{region}", f"/id/blobs-{region}"), \
            "what a storage failover is asked of"
        assert names["planId"] == f"/id/plan-{region}", "what is scaled up ahead of traffic"


def test_operators_learn_where_each_app_runs(recorded):
    sites = recorded.exports["regions"]["westus"]["sites"]
    assert set(sites) == {"web", "api", "worker"}, "whatever can be stopped and started"
    assert sites["worker"]["id"] == "/id/worker-westus", "a resource id"
    assert sites["worker"]["host"].startswith("app-tracking-worker-westus"), "and what answers there"


def test_operators_learn_how_large_each_region_is_while_it_serves_and_while_it_stands_by(recorded, varied):
    sizes = {region: (names["instances"], names["standbyInstances"])
             for region, names in recorded.exports["regions"].items()}
    assert sizes == {"eastus": (2, 2), "westus": (2, 1)}, "two zones need two instances, West US has no zones"


def test_operators_learn_what_was_decided_about_each_service(recorded, varied):
    services = {service["name"]: service for service in recorded.exports["services"]}
    assert list(services) == ["web", "api", "worker", "static"], "every one of them, in their order"
    assert services["api"] == {
        "name": "api", "kind": "web-app", "path": "/api", "owner": "portal", "primary": "eastus", "mode": "automatic",
        "strategy": "active-passive", "targets": {"availability": 99.9, "rtoSeconds": 60, "rpoSeconds": 0},
        "probe": {"path": "/healthz", "method": "HEAD", "intervalSeconds": 5, "sampleSize": 2, "successfulSamples": 2},
        "operators": [DEPLOYER]}, "with what the configuration left to the platform"
    assert services["static"]["probe"]["path"] == "/site/health.txt", "a real blob"
    assert recorded.exports["writerService"] == "worker", "its state decides which database is written"
    varied_services = {service["name"]: service for service in varied.exports["services"]}
    assert varied_services["web"]["probe"]["path"] == "/healthz?deep", "its own, where it has one"
    assert varied_services["maps"]["kind"] == "external", "a service with hosts of its own is told, too"


def test_a_services_own_primary_is_told(western):
    primaries = {service["name"]: service["primary"] for service in western.exports["services"]}
    assert primaries == {"web": "eastus", "api": "westus", "worker": "westus", "static": "westus"}, "as routed"


def test_operators_learn_what_moves_static_content(recorded):
    static, edge = recorded.exports["static"], recorded.exports["frontDoor"]
    assert static == {"account": static["account"], "accountId": "/id/static-content", "container": "site",
                      "resourceGroup": "rg-tracking-primary-global", "location": "eastus",
                      "secondaryLocation": "westus"}, "where it is written, and where its copy is read"
    assert edge == {"profile": edge["profile"], "resourceGroup": "rg-tracking-primary-global", "originGroups": {
        name: name for name in ("web", "api", "worker", "static")}}, "origins bear their region's name"
    assert static["account"].startswith("trackingseus") and edge["profile"].startswith("afd-tracking"), "by name"


def test_operations_read_what_the_stack_exports(recorded, western):
    platform = parse(json.dumps(recorded.exports).encode())
    assert (platform.primary, platform.writer, platform.platform.stack) == ("eastus", "worker", "primary"), "as told"
    assert platform.regions["westus"].sites["api"].id == "/id/api-westus", "they find what they move"
    assert {service.name: service.primary for service in platform.listed}["static"] == "eastus", "and where it belongs"
    assert parse(json.dumps(western.exports).encode()).primary == "westus", "after a swap, too"


def test_no_output_is_a_secret(recorded):
    assert "AccountKey" not in str(recorded.exports), "outputs are read by everybody who may preview"
