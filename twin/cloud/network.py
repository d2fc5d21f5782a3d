"""The network between the regions: one Toxiproxy, `network`, with a link per endpoint that is reached from elsewhere.

https://github.com/Shopify/toxiproxy#http-api .  A cut link is a black hole, not a refusal: what is sent disappears, and
connections open all the same, since this machine's kernel accepts them.  They end when the link is whole again.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import httpx

from twin.cloud.faults import EDGE, FaultBook
from twin.home import Home
from twin.runner import PortBook, ProcessSpec, Runner
from twin.services.base import Tools, TwinError

NAME = "network"
READY_WITHIN = 10.0


@dataclass(frozen=True)
class Link:
    """How `origin` reaches `target` in the region `location`: by `port`."""

    origin: str
    location: str
    port: int
    target: int

    @property
    def name(self) -> str:
        """Unique, and the name of its port in the book."""
        return f"link-{self.origin}-{self.target}"

    def proxy(self) -> dict[str, Any]:
        """As Toxiproxy's `populate` takes it."""
        return {"name": self.name, "listen": f"127.0.0.1:{self.port}", "upstream": f"127.0.0.1:{self.target}",
                "enabled": True}

    def toxics(self, faults: FaultBook, where: str) -> dict[str, dict[str, Any]]:
        """Name -> toxic that it must have now that the target is in the region `where`, both ways; half of the round
        trip in each."""
        wanted: dict[str, dict[str, int]] = {}
        if faults.latency and EDGE != self.origin != where:
            wanted["latency"] = {"latency": round(faults.latency / 2)}
        if not faults.connected(self.origin, where):
            wanted["timeout"] = {"timeout": 0}
        return {f"{kind}_{stream}": {"type": kind, "stream": stream, "attributes": attributes}
                for kind, attributes in wanted.items() for stream in ("upstream", "downstream")}


class Links:
    """The concrete `twin.services.base.Network`; its process starts with the first link."""

    def __init__(self, home: Home, ports: PortBook, runner: Runner, tools: Tools, faults: FaultBook):
        self._home, self._ports, self._runner, self._tools, self._faults = home, ports, runner, tools, faults
        self._links: dict[str, Link] = {}
        self._lock = asyncio.Lock()

    async def through(self, origin: str, location: str, port: int) -> int:
        """The port by which `origin` reaches what listens at `port` in the region `location`."""
        if origin == location:
            return port
        link = Link(origin, location, 0, port)
        async with self._lock:
            if link.name not in self._links:
                self._links[link.name] = replace(link, port=await self._ports.of(link.name))
                await self._serve()
        return self._links[link.name].port

    async def follow(self) -> None:
        """Brings every link in line with the faults."""
        async with self._lock:
            if self._links:
                await self._serve()

    async def _serve(self) -> None:
        spec = ProcessSpec(
            name=NAME, command=(str(self._tools.toxiproxy), "-host", "127.0.0.1", "-port", str(await self._api())),
            cwd=self._home.run, environment={"LOG_LEVEL": "error"}, region="global", service=NAME,
            ports=(await self._api(), *(link.port for link in self._links.values())), ready=self._tell,
            ready_within=READY_WITHIN)
        process = self._runner.get(NAME)
        if process and process.state == "ready":
            process.spec = spec  # links are added while it runs: a restart would drop the connections of the others
            if not await self._tell():
                raise TwinError(f"{NAME} does not answer; see {self._home.logs / NAME}.log.")
        else:
            await self._runner.start(spec)

    async def _api(self) -> int:
        return await self._ports.of(f"{NAME}-api")

    async def _tell(self) -> bool:
        """Gives the process its links and their toxics, also after a restart; whether it took them."""
        base = f"http://127.0.0.1:{await self._api()}"
        async with httpx.AsyncClient(base_url=base, timeout=5, trust_env=False) as client:
            try:
                proxies = [link.proxy() for link in self._links.values()]
                (await client.post("/populate", json=proxies)).raise_for_status()
                known = (await client.get("/proxies")).json()
                await asyncio.gather(*(self._poison(client, link, known) for link in self._links.values()))
            except httpx.HTTPError:
                return False
        return True

    async def _poison(self, client: httpx.AsyncClient, link: Link, known: dict[str, Any]) -> None:
        path, wanted = f"/proxies/{link.name}/toxics", link.toxics(self._faults, self._where(link))
        present = {toxic["name"]: toxic["attributes"] for toxic in known[link.name]["toxics"]}
        for name in present.keys() - wanted.keys():
            (await client.delete(f"{path}/{name}")).raise_for_status()
        for name, toxic in wanted.items():
            if name not in present:
                (await client.post(path, json=toxic | {"name": name})).raise_for_status()
            elif any(present[name].get(key) != value for key, value in toxic["attributes"].items()):
                (await client.post(f"{path}/{name}", json=toxic)).raise_for_status()

    def _where(self, link: Link) -> str:
        """The region of who listens at the target: a failover moves storage accounts, which keep their ports."""
        return next((process.spec.region for process in self._runner.all() if link.target in process.spec.ports
                     and process.spec.name != NAME), link.location)
