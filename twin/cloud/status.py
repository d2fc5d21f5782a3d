"""What runs, how it is and what it takes: the answer of /twin/status, which `status` shows."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import psutil

from twin.cloud.cloud import SITE, LocalCloud
from twin.runner import Process
from twin.runner.system import families
from twin.services.shapes import region

PROBE_WITHIN = 3.0
MIB = 1 << 20


async def status(cloud: LocalCloud) -> dict[str, Any]:
    """{"processes": [...], "resources": {region: {service: count}}, "builds": {site: build}, "stale": [names of
    instances of another build], "problems": {name: why}, "faults": [...], "ports", "memory_mib", "home", "arm"}."""
    memory = await asyncio.to_thread(_memory, [process.pid for process in cloud.runner.all() if process.pid])
    async with httpx.AsyncClient(timeout=PROBE_WITHIN, trust_env=False) as client:
        rows = await asyncio.gather(*(_row(client, process, memory) for process in cloud.runner.all()))
    builds = {site.name: code[1] for site in cloud.find(SITE) if (code := cloud.deployments.current(site.name))}
    resources: dict[str, Counter] = {}
    for resource in cloud.registry.all():
        resources.setdefault(region(cloud, resource), Counter())[resource.type.removeprefix("azure-native:")] += 1
    own = _pss(psutil.Process())
    return {"home": str(cloud.home.root), "arm": cloud.arm, "processes": rows, "resources": resources, "builds": builds,
            "stale": [row["name"] for row in rows if row["build"] and row["build"] != _wanted(cloud, row, builds)],
            "problems": cloud.problems | cloud.later.failures, "ports": cloud.ports.all(),
            "faults": cloud.chaos.told()["faults"],
            "daemon_mib": own, "memory_mib": own + sum(row["memory_mib"] for row in rows)}


async def _row(client: httpx.AsyncClient, process: Process, memory: dict[int, int]) -> dict[str, Any]:
    spec = process.spec
    row = {"name": spec.name, "region": spec.region, "service": spec.service, "state": process.state,
           "pid": process.pid, "ports": list(spec.ports), "restarts": process.restarts, "exit_code": process.exit_code,
           "memory_mib": memory.get(process.pid or 0, 0), "resource_id": spec.resource_id, "build": spec.build,
           "health": None}
    if spec.build and process.state == "ready":
        row |= await _health(client, spec.ports[0], spec.build)
    return row


async def _health(client: httpx.AsyncClient, port: int, build: str) -> dict[str, Any]:
    """The instance's own word on its health and its build."""
    try:
        answer = await client.get(f"http://127.0.0.1:{port}/healthz")
    except httpx.HTTPError as error:
        return {"health": {"code": None, "error": type(error).__name__}}
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    return {"health": body | {"code": answer.status_code}, "build": body.get("build") or build}


def _wanted(cloud: LocalCloud, row: dict[str, Any], builds: dict[str, str]) -> str | None:
    site = cloud.get(row["resource_id"])
    return builds.get(site.name) if site else None


def _memory(leaders: list[int]) -> dict[int, int]:
    return {leader: sum(map(_pss, family)) for leader, family in families(leaders).items()}


def _pss(process: psutil.Process) -> int:
    """MiB that the process takes, shared pages counted by share; its resident size where that may not be read."""
    try:
        full = process.memory_full_info()
        return getattr(full, "pss", full.rss) // MIB
    except psutil.AccessDenied:
        return process.memory_info().rss // MIB
    except psutil.NoSuchProcess:
        return 0
