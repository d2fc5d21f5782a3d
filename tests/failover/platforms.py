"""A platform to plan for, and observations of it in any state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from failover.observation import Account, Journal, Observation, RegionView, Seen, Served, Server
from failover.platform import Platform, parse
from shipments.standing import FIRST, Document, Lineage

EAST, WEST = "eastus", "westus"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GROUP = "/subscriptions/0000/resourceGroups/{}/providers/"


def outputs(primary: str = EAST, **changes: object) -> dict[str, object]:
    """As `pulumi stack output --json` gives them."""
    services = [("web", "web-app", "/"), ("api", "web-app", "/api"), ("worker", "function-app", "/worker"),
                ("static", "static", "/static")]
    return {
        "portalUrl": "https://portal.example", "subscription": "0000", "primaryRegion": primary,
        "platform": {"name": "tracking", "stack": "primary"}, "writerService": "worker",
        "services": [{"name": name, "kind": kind, "path": path, "primary": primary} for name, kind, path in services],
        "static": {"account": "content", "resourceGroup": "global", "location": EAST, "secondaryLocation": WEST},
        "frontDoor": {"profile": "door", "resourceGroup": "global", "originGroups": {"static": "static"}},
        "regions": {name: region(name) for name in (EAST, WEST)}, **changes}


def region(name: str) -> dict[str, object]:
    group = GROUP.format(name)
    return {
        "resourceGroup": name, "queueAccount": f"q{name}", "queueAccountId": f"{group}Microsoft.Storage/q{name}",
        "blobAccount": f"b{name}", "blobAccountId": f"{group}Microsoft.Storage/b{name}", "blobUri": f"https://b{name}/",
        "postgresServer": f"psql-{name}", "postgresServerId": f"{group}Microsoft.DBforPostgreSQL/psql-{name}",
        "planId": f"{group}Microsoft.Web/serverfarms/plan-{name}", "instances": 2}


def encoded(told: object) -> bytes:
    return orjson.dumps(told)


def platform(primary: str = EAST, **changes: object) -> Platform:
    return parse(encoded(outputs(primary, **changes)))


def journal(writes: bool, lineage: Lineage = FIRST, **changes: object) -> Journal:
    return replace(Journal(NOW - timedelta(seconds=1), 1.0, 0, 0, None, writes, lineage, 0, True, "b1"),
                   **changes)  # type: ignore[arg-type]


def accounts(name: str) -> tuple[Account, ...]:
    return (Account(f"q{name}", "queues", name, name, "Standard_GRS", NOW - timedelta(seconds=9), True, True, "Live"),
            Account(f"b{name}", "blobs", name, name, "Standard_RAGRS", NOW - timedelta(seconds=9), True, True, "Live"))


def view(name: str, leads: bool, lineage: Lineage = FIRST) -> RegionView:
    server = Server("Primary") if leads else Server("GeoAsyncReplica", "Ready", "Active")
    return RegionView(name, True, "", 0.0, {}, journal(leads, lineage), server, accounts(name), 2,
                      {"web": "Running", "api": "Running", "worker": "Running"}, True)


def healthy(primary: str = EAST) -> Observation:
    """Nothing was ever decided; the configured primary leads."""
    edge = {name: Served((primary,) * 3, 200) for name in ("web", "api")}
    return Observation(NOW, platform(primary), {name: view(name, name == primary) for name in (EAST, WEST)}, edge,
                       last_drill=NOW)


def without(seen: Observation, name: str) -> Observation:
    """The region is gone: nothing of its data plane answers; Resource Manager remembers its resources."""
    return seen.with_region(name, reachable=False, why="ServiceRequestError", controls={}, journal=None, skew=None)


def document(service: str, active: str, epoch: int = 4, **changes: object) -> Document:
    peer = WEST if active == EAST else EAST
    states = {active: "active", peer: "standby"}
    found = Document(service, epoch, active, states, "earlier", "2026-11-22T11:00:00Z", "ann")
    return replace(found, **changes)  # type: ignore[arg-type]


def put(seen: Observation, written: Document, *regions: str) -> Observation:
    return seen.with_documents((written,), regions or (EAST, WEST))


def damaged(seen: Observation, service: str, name: str) -> Observation:
    controls = {**seen.view(name).controls, service: Seen(None, "tag", "not a control document (JSONDecodeError)")}
    return seen.with_region(name, controls=controls)
