"""Function apps: the twin's functions host runs the posted package in the app's own environment.

https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan (one app per plan, scale by instances)
"""

import os
from dataclasses import replace
from pathlib import Path

from twin.home import CHECKOUT
from twin.runner import Http, ProcessSpec, Ready
from twin.services.base import Cloud, Resource
from twin.services.shapes import tokens
from twin.services.webapp import WebApp

WORKERS = max(2, (os.cpu_count() or 2) // 2)
"""Most workers that this machine gives an app, however many instances the plan allows: two apps share its cores, and
starting a worker takes a core for seconds."""

LEASE = 30
"""Seconds after which a killed worker's messages are seen again.  In Azure the worker's host, another process, shows
them again after host.json's visibilityTimeout, and only with the host's machine they are away for ten minutes
(QueueListener of Microsoft.Azure.WebJobs.Extensions.Storage.Queues).  Here host and worker are one process."""


class FunctionApp(WebApp):
    """One host process; its workers are its children."""

    realised = tokens("web", "WebApp")
    recorded = frozenset()

    def serves(self, resource: Resource) -> bool:
        """Function apps carry their kind."""
        return "functionapp" in (resource.inputs.get("kind") or "")

    def count(self, cloud: Cloud, resource: Resource) -> int:
        """The host scales its workers itself."""
        return 1

    def command(self, cloud: Cloud, resource: Resource, directory: Path, port: int) -> tuple[str, ...]:
        """`--max-workers` is the plan's maximum instance count, at most WORKERS."""
        scale = (resource.inputs.get("functionAppConfig") or {}).get("scaleAndConcurrency") or {}
        workers = min(int(scale.get("maximumInstanceCount") or WORKERS), WORKERS)
        return (str(cloud.tools.python), "-m", "twin.functionshost", "--package", str(directory), "--port", str(port),
                "--max-workers", str(workers), "--lease", str(LEASE))

    def ready(self, cloud: Cloud, resource: Resource, port: int) -> Ready:
        """The host's own status page."""
        return Http(f"http://127.0.0.1:{port}/admin/host/status")

    async def spec(self, cloud: Cloud, resource: Resource, directory: Path, build: str, name: str) -> ProcessSpec:
        """Runs in the checkout's own path, where the host is."""
        spec = await super().spec(cloud, resource, directory, build, name)
        return replace(spec, environment={**spec.environment, "PYTHONPATH": str(CHECKOUT)}, stop_within=30.0)


SERVICE = FunctionApp()
