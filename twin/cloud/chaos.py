"""Does what the fault book says: kills, freezes, slows, cuts links; and heals."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from twin.cloud.faults import Fault
from twin.runner import HELD, Process, ProcessSpec
from twin.services.base import AzureError
from twin.services.shapes import region

if TYPE_CHECKING:
    from twin.cloud.cloud import LocalCloud

KINDS = ("kill", "freeze", "partition", "latency", "lag", "slow", "busy", "clock")
STORAGE_KINDS = ("queues", "blobs", "static")
GAP = 0.05
"""Seconds for which a slowed process runs between two stops."""


class Chaos:
    """One per daemon; faults that were on when the last one ended are on again."""

    def __init__(self, cloud: "LocalCloud"):
        self._cloud, self._book = cloud, cloud.faults
        self._pulses: dict[Fault, asyncio.Task] = {}
        cloud.runner.held = self.held

    def held(self, spec: ProcessSpec) -> str:
        """The fault that keeps such a process from running; "" for none."""
        kinds = {fault.kind for fault in self._book.active if fault.kind in HELD and self.hits(fault, spec)}
        return max(kinds, default="")  # killed, when it is both

    def hits(self, fault: Fault, spec: ProcessSpec) -> bool:
        """Whether a fault is about such a process."""
        if fault.region != spec.region or fault.service in ("", spec.service):
            return fault.region == spec.region
        return spec.service == "storage" and fault.service == self._book.kind_of(spec.resource_id)[1]

    def told(self) -> dict[str, Any]:
        """{"faults": [...], "held": [{"name", "region", "service", "state"}]}."""
        held = [{"name": process.spec.name, "region": process.spec.region, "service": process.spec.service,
                 "state": process.state} for process in self._cloud.runner.all() if process.state in HELD.values()]
        return {"faults": [asdict(fault) for fault in self._book.active], "held": held}

    async def inflict(self, fault: Fault) -> dict[str, Any]:
        """Puts it on and does it; returns as `told` does. AzureError when it makes no sense here."""
        self._check(fault)
        self._book.add(fault)
        await self._cloud.tell_of_faults()
        if fault.kind in HELD:
            await self._cloud.runner.hold(self._hit(fault), fault.kind)
        self.resume()
        return self.told()

    async def heal(self, where: str = "") -> dict[str, Any]:
        """Takes faults off, of one region or all; returns once everything runs: {"healed", "unhealthy"}."""
        gone = self._book.drop(where)
        await self._cloud.tell_of_faults()
        self.resume()
        hit = [process for fault in gone if fault.kind in HELD for process in self._hit(fault)]
        self._cloud.runner.release([process for process in hit if not self.held(process.spec)])
        ids, regions = {process.spec.resource_id for process in hit}, {process.spec.region for process in hit}
        await self._cloud.restore(lambda each: each.id in ids or region(self._cloud, each) in regions)
        return {"healed": [asdict(fault) for fault in gone], "unhealthy": await self._cloud.settle()}

    def resume(self) -> None:
        """Starts and ends the pulses that slow processes down."""
        wanted = {fault for fault in self._book.active if fault.kind == "slow"}
        for fault in self._pulses.keys() - wanted:
            self._pulses.pop(fault).cancel()
        for fault in wanted - self._pulses.keys():
            self._pulses[fault] = asyncio.create_task(self._slow(fault))

    def close(self) -> None:
        """Ends the pulses."""
        for task in self._pulses.values():
            task.cancel()

    async def _slow(self, fault: Fault) -> None:
        pulse, seconds = self._cloud.runner.pulse, fault.value / 1000
        while True:
            await asyncio.gather(*(pulse(process, seconds) for process in self._hit(fault)))
            await asyncio.sleep(GAP)

    def _hit(self, fault: Fault) -> list[Process]:
        return [process for process in self._cloud.runner.all() if self.hits(fault, process.spec)]

    def _check(self, fault: Fault) -> None:
        regions = {region(self._cloud, resource) for resource in self._cloud.registry.all()} - {"global"}
        services = {process.spec.service for process in self._cloud.runner.all() if process.spec.region != "global"}
        services = {"queues", "blobs"} if fault.kind == "busy" else services | set(STORAGE_KINDS)
        if fault.kind not in KINDS:
            raise _unknown("fault", fault.kind, KINDS)
        if fault.kind not in ("latency", "lag") and fault.region not in regions:
            raise _unknown("region of the twin", fault.region, regions)
        if (fault.service or fault.kind in ("busy", "slow")) and fault.service not in services:
            raise _unknown("service of the twin", fault.service, services)
        if fault.kind == "partition" and fault.side not in ("edge", "peer", "all"):
            raise _unknown("side to cut off from", fault.side, ("edge", "peer", "all"))
        if fault.value < 0:
            raise AzureError("BadRequest", f"{fault.kind} takes a number from 0 on; got {fault.value:g}.")


def _unknown(what: str, got: str, known: Any) -> AzureError:
    return AzureError("BadRequest", f"there is no {what} {got!r}; known are {', '.join(sorted(known))}.")
