"""What a scenario can wait for: each looks once and answers "" when it holds, else what it saw instead."""

import uuid
from collections.abc import Awaitable, Callable

import orjson

from failover.drill.client import Client
from failover.drill.load import Load
from failover.drill.target import Target

Look = Callable[..., Awaitable[str]]


class Conditions:
    """By name: `conditions["served-by"]("api", "westus")`."""

    def __init__(self, target: Target, client: Client, load: Load):
        self.target, self.client, self.load = target, client, load
        self._asked: dict[str, str] = {}
        self._known: dict[str, Look] = {
            "reads": self._reads, "served-by": self._served_by, "state": self._state, "processing": self._processing,
            "protected": self._protected, "applied": self._applied, "refused": self._refused}

    def __getitem__(self, name: str) -> Look:
        return self._known[name]

    async def _reads(self) -> str:
        """Three reads in a row are answered."""
        for _ in range(3):
            answer = await self.client.send("track", f"/api/shipments/{self.load.shipments[0]}", op="wait",
                                            shipment=self.load.shipments[0])
            if answer.attempt.outcome != "ok":
                return f"a read was {answer.attempt.outcome} ({answer.attempt.status})"
        return ""

    async def _served_by(self, service: str, region: str) -> str:
        """The edge sends that service's requests to the region."""
        path = "/api/state" if service == "api" else "/state"
        answer = await self.client.send("probe", path, op="wait", record=False)
        return "" if answer.attempt.region == region else f"{service} is served by {answer.attempt.region or 'nobody'}"

    async def _state(self, service: str, region: str, state: str) -> str:
        """The region's own door tells that state."""
        answer = await self.client.send("probe", "/api/state" if service == "api" else "/state", op="wait", door=region,
                                        record=False)
        told = orjson.loads(answer.body).get("state") if answer.attempt.status == 200 else answer.attempt.outcome
        return "" if told == state else f"{service} in {region} is {told}"

    async def _processing(self) -> str:
        """A command sent after the wait began is applied."""
        command = self._asked.get("processing")
        if command is None:
            name = self.load.shipments[0]
            attempt = await self.load.write("comment", f"/api/shipments/{name}/comments", name, op=str(uuid.uuid4()))
            if not attempt.acknowledged:
                return f"a command was not taken ({attempt.status} {attempt.note})"
            command = self._asked["processing"] = attempt.command
        told = await self._result(command)
        if told == "applied":
            del self._asked["processing"]
            return ""
        return f"command {command} is {told}"

    async def _applied(self) -> str:
        """Everything acknowledged in this run so far is applied; asked from the newest on."""
        commands = self._open if hasattr(self, "_open") else None
        if commands is None:
            commands = [attempt.command for attempt in self.client.history.attempts if attempt.acknowledged]
        while commands and await self._result(commands[-1]) == "applied":
            commands.pop()
        self._open = commands
        if commands:
            return f"{len(commands)} commands are not known to be applied, of which {commands[-1]}"
        del self._open
        return ""

    async def _refused(self, region: str) -> str:
        """The region's own door refuses writes."""
        name = self.load.shipments[0]
        answer = await self.client.send("probe", f"/api/shipments/{name}/comments", op=str(uuid.uuid4()), method="POST",
                                        door=region, body=orjson.dumps({"author": "drill", "text": "refuse this"}),
                                        record=False)
        return "" if answer.attempt.status == 503 else f"{region} answered {answer.attempt.status}"

    async def _protected(self) -> str:
        """`failover status` sees nothing that needs attention."""
        done = await self.target.failover("status")
        return "" if done.code == 0 else f"`failover status` ended with {done.code}: {done.tail}"

    async def _result(self, command: str) -> str:
        answer = await self.client.send("probe", f"/api/commands/{command}", op="wait", record=False)
        return str(orjson.loads(answer.body)["status"]) if answer.attempt.status == 200 else "unknown"
