"""Two regions in memory, for the real code: every call to a queue, a blob account or a database waits until it is let
happen, so that processes can be ended, regions lost and decisions taken between any two calls.  Time is its own.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from shipments.applier import Applier
from shipments.apply import Effects, Stale
from shipments.bodies import Where
from shipments.commands import AddComment, Command, decode, new_command
from shipments.control import Control
from shipments.errors import Refusal, Unavailable
from shipments.journal import Journal
from shipments.ledger import Look
from shipments.lineage import Authority
from shipments.queues import Entry
from shipments.settings import BODIES, COMMANDS, CONTROL, JOURNAL
from shipments.standing import FIRST, Document, Lineage, initial
from shipments.walker import Walker
from tests.shipments.test_control import SETTINGS

EAST, WEST = "eastus", "westus"
OTHER = {EAST: WEST, WEST: EAST}


class Loop(asyncio.SelectorEventLoop):
    """Its clock stands still until the world lets it go on."""

    now = 0.0

    def time(self) -> float:
        return self.now


class Inline(ThreadPoolExecutor):
    """Does at once what others give to a thread."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


@dataclass
class Message:
    id: str
    body: bytes
    visible_at: float
    receipt: str = ""
    dequeued: int = 0


@dataclass
class Base:
    """A region's database: commands and lineages in the order of their commits.  `branch` is what the world knows of
    it: a promote starts one, and what a server left behind has on an older one is lost when it is rebuilt."""

    in_recovery: bool
    branch: int = 0
    log: list[str | Lineage] = field(default_factory=list)

    @property
    def lineage(self) -> Lineage:
        return max((entry for entry in self.log if isinstance(entry, Lineage)), default=FIRST)


@dataclass
class Site:
    """What of a region outlives its processes."""

    name: str
    base: Base
    alive: bool = True
    queues: dict[str, list[Message]] = field(default_factory=lambda: {COMMANDS: [], JOURNAL: []})
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)


@dataclass(eq=False)
class Call:
    process: "Process"
    site: Site
    effect: Callable[[], Any]
    answer: asyncio.Future[Any]


class World:
    """Sites, processes, and the calls that are under way."""

    def __init__(self, without: str = "") -> None:
        self.without = frozenset(filter(None, [without]))
        self.loop, self.pending, self.connected = Loop(), [], True
        self.loop.set_default_executor(Inline())
        self.sites = {name: Site(name, Base(in_recovery=name != EAST)) for name in OTHER}
        self.acked: dict[str, tuple[str, float]] = {}
        self.numbers = itertools.count(1)
        self.errors: list[BaseException] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.processes = {name: [Process(self, name) for _ in range(2)] for name in OTHER}
        self.tick(0.0)

    def close(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def tick(self, seconds: float) -> None:
        """Time goes on, in steps short enough for every background look."""
        until = self.loop.now + seconds
        while True:
            self.loop.run_until_complete(_settle())
            if self.loop.now >= until:
                return
            self.loop.now = min(until, self.loop.now + 1.0)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        self.tick(0)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, Unavailable):
            self.errors.append(error)

    async def call(self, process: "Process", site: Site, effect: Callable[[], Any]) -> Any:
        """What every port does: waits until it is let happen."""
        made = Call(process, site, effect, self.loop.create_future())
        if not process.dead:
            self.pending.append(made)
        return await made.answer

    def perform(self, call: Call, *, answered: bool = True) -> None:
        """Has the call's effect, unless its site is out of reach; its answer may be lost."""
        self.pending.remove(call)
        if call.answer.done():
            return
        try:
            if not self.reaches(call.process.region, call.site):
                raise Unavailable(call.site.name)
            result = call.effect()
            if not answered:
                raise Unavailable(f"the answer of {call.site.name}")
            call.answer.set_result(result)
        except (Unavailable, Refusal) as error:
            call.answer.set_exception(error)
        self.tick(0)

    def perform_all(self, most: int = 400) -> None:
        for _ in range(most):
            if not self.pending:
                return
            self.perform(self.pending[0])

    def reaches(self, region: str, site: Site) -> bool:
        return site.alive and (self.connected or site.name == region)

    def crash(self, region: str, which: int) -> None:
        """A process ends at once, whatever it was doing; a new one takes its place."""
        self._end(self.processes[region][which])
        if self.sites[region].alive:
            self.processes[region][which] = Process(self, region)
            self.tick(0)

    def kill(self, region: str) -> None:
        self.sites[region].alive = False
        for process in self.processes[region]:
            self._end(process)

    def revive(self, region: str) -> None:
        self.sites[region].alive = True
        self.processes[region] = [Process(self, region) for _ in range(2)]
        self.tick(0)

    def _end(self, process: "Process") -> None:
        process.dead = True
        self.pending = [call for call in self.pending if call.process is not process]

    async def submit(self, process: "Process", *, large: bool) -> None:
        text = "x" * (1000 if large else 10)
        body = AddComment(shipment="TN-000001", author="Ada", text=text)
        command = new_command(body, region=process.region, epoch=process.control.decided.epoch,
                              key=f"{next(self.numbers)}")
        kept = await process.journal.accept(command)
        self.acked[command.id] = (kept, self.loop.now)

    async def trigger(self, process: "Process") -> None:
        """What the functions host does with a message of `commands`."""
        for entry in await process.queues.receive(COMMANDS, 1, 30):
            await process.applier.take(entry.message)
            await process.queues.delete(COMMANDS, entry)

    def holds(self, region: str, command_id: str, branch: int) -> bool:
        """Whether the region would still have the command if the other one were gone now."""
        site = self.sites[region]
        if site.base.branch == branch and command_id in site.base.log:
            return True
        for message in itertools.chain(*site.queues.values()):
            command = decode(message.body)
            if command.id == command_id and (not command.body_ref or (BODIES, command.body_ref) in site.blobs):
                return True
        return False


async def _settle() -> None:
    """Everything that can go on without time or an answer has gone on."""
    for _ in range(25):
        await asyncio.sleep(0)


class Process:
    """The real parts of an app in one region, over the world's ports."""

    def __init__(self, world: World, region: str):
        self.region, self.dead = region, False
        settings = replace(SETTINGS, service="worker", region=region, peer_region=OTHER[region],
                           journal_without=world.without)
        here, there = world.sites[region], world.sites[OTHER[region]]
        clock = world.loop.time
        blobs = Blobs(world, self, [here, there])
        self.queues, peer_queues = Queues(world, self, here), Queues(world, self, there)
        own, peer = Ledger(world, self, here), Ledger(world, self, there)
        self.control = Control(settings, blobs, clock)
        self.journal = Journal(settings, self.control, self.queues, peer_queues, blobs)
        self.authority = Authority(settings, self.control, own, clock)
        self.applier = Applier(self.authority, own, self.queues, blobs, _nobody_listens)
        self.walker = Walker(settings, self.control, self.authority, own, peer, self.queues, peer_queues, blobs, clock)
        world.loop.run_until_complete(self.control.open())


async def _nobody_listens(command: Command, changed: object) -> None:
    """There is no cache in this world."""


class Queues:
    def __init__(self, world: World, process: Process, site: Site):
        self._world, self._process, self._site = world, process, site

    async def put(self, queue: str, message: bytes, hidden: int = 0) -> None:
        def effect() -> None:
            number = f"{next(self._world.numbers):06}"
            self._site.queues.setdefault(queue, []).append(Message(number, message, self._world.loop.now + hidden))
        await self._call(effect)

    async def receive(self, queue: str, count: int, hidden: int) -> list[Entry]:
        def effect() -> list[Entry]:
            now = self._world.loop.now
            shown = [message for message in self._site.queues[queue] if message.visible_at <= now][:count]
            for message in shown:
                message.visible_at, message.dequeued = now + hidden, message.dequeued + 1
                message.receipt = f"{next(self._world.numbers)}"
            return [Entry(one.id, one.receipt, one.body, one.dequeued) for one in shown]
        return await self._call(effect)

    async def delete(self, queue: str, entry: Entry) -> None:
        def effect() -> None:
            self._site.queues[queue] = [one for one in self._site.queues[queue]
                                        if (one.id, one.receipt) != (entry.id, entry.receipt)]
        await self._call(effect)

    async def length(self, queue: str) -> int:
        return await self._call(lambda: len(self._site.queues[queue]))

    async def _call(self, effect: Callable[[], Any]) -> Any:
        return await self._world.call(self._process, self._site, effect)


class Blobs:
    def __init__(self, world: World, process: Process, sites: list[Site]):
        self._world, self._process, self._sites = world, process, sites

    async def find(self, name: str, container: str, *, peer: bool = False) -> bytes | None:
        """At once for the control documents, which are read whenever the world's time goes on."""
        site = self._sites[peer]
        if container != CONTROL:
            return await self._world.call(self._process, site, lambda: site.blobs.get((container, name)))
        if not self._world.reaches(self._process.region, site):
            raise Unavailable(site.name)
        return site.blobs.get((container, name))

    async def put(self, name: str, body: bytes, container: str = BODIES, *, peer: bool = True,
                  media_type: str = "") -> Where:
        done = await asyncio.gather(*(self._put(site, container, name, body) for site in self._sites[:1 + peer]))
        if not any(done):
            raise Unavailable("blobs")
        return Where(done[0], peer and done[1])

    async def _put(self, site: Site, container: str, name: str, body: bytes) -> bool:
        try:
            await self._world.call(self._process, site, lambda: site.blobs.update({(container, name): body}))
        except Unavailable:
            return False
        return True

    async def get(self, name: str, container: str = BODIES) -> bytes:
        away = False
        for peer in (False, True):
            try:
                if (found := await self.find(name, container, peer=peer)) is not None:
                    return found
            except Unavailable:
                away = True
        if away:
            raise Unavailable("blobs")
        raise Refusal(f"{name} is nowhere")

    async def copy_to_peer(self, name: str, container: str = BODIES) -> None:
        if not (await self.put(name, await self.get(name, container), container)).peer:
            raise Unavailable("the other region's blobs")


class Ledger:
    def __init__(self, world: World, process: Process, site: Site):
        self._world, self._process, self._site = world, process, site

    async def look(self, ids: Any = ()) -> Look:
        def effect() -> Look:
            base = self._site.base
            return Look(base.in_recovery, base.lineage, frozenset(set(ids) & set(base.log)))
        return await self._call(effect)

    async def begin(self, lineage: Lineage) -> None:
        await self._call(lambda: self._commit(lineage))

    async def apply(self, command: Command, made: Effects, lineage: Lineage) -> list[str]:
        await self._call(lambda: self._commit(command.id, lineage))
        return []

    async def refuse(self, command: Command, refusal: Refusal, lineage: Lineage) -> None:
        raise AssertionError(f"every command of this world can be applied: {refusal}")

    def _commit(self, entry: str | Lineage, lineage: Lineage | None = None) -> None:
        base = self._site.base
        if base.in_recovery:
            raise Unavailable("a standby")
        if lineage not in (None, base.lineage):
            raise Stale(lineage)
        if entry not in base.log:
            base.log.append(entry)

    async def _call(self, effect: Callable[[], Any]) -> Any:
        return await self._world.call(self._process, self._site, effect)


class Operators:
    """What `failover` does, step by step, and what it knows: who leads, and whether a further fault is covered."""

    def __init__(self, world: World) -> None:
        self.world, self.leader, self.branch = world, EAST, 0
        self.document = initial("worker", EAST, WEST)
        self.unprotected_since: float | None = None
        self.promoting: tuple[str, float] | None = None
        self.switching: str | None = None

    @property
    def other(self) -> str:
        return OTHER[self.leader]

    def healthy(self) -> bool:
        return self.world.connected and all(site.alive for site in self.world.sites.values())

    def idle(self) -> bool:
        return self.promoting is None and self.switching is None

    def decide(self, to: str, *, forced: bool, everywhere: bool = True) -> None:
        epoch = self.document.epoch + 1
        self.document = Document("worker", epoch, to, {}, lineage=Lineage(epoch, to) if forced
                                 else self.document.lineage)
        for site in self.world.sites.values():
            if site.alive and (everywhere or site.name == to):
                self.tell(site)
        self.promoting = (to, self.world.loop.now) if forced else None
        self.switching = None if forced else to

    def tell(self, site: Site) -> None:
        site.blobs[CONTROL, "worker.json"] = self.document.encode(site.name)

    def can_promote(self) -> bool:
        """A view of the other region counts for three seconds; then every promise of the older epoch is made."""
        return bool(self.promoting and self.world.sites[self.promoting[0]].alive
                    and self.world.loop.now > self.promoting[1] + 3)

    def promote(self) -> None:
        assert self.promoting, "decided before"
        self.leader, self.promoting = self.promoting[0], None
        self.branch += 1
        base = self.world.sites[self.leader].base
        base.in_recovery, base.branch = False, self.branch
        self.unprotected_since = self.world.loop.now

    def switch(self) -> None:
        """A planned promote waits until everything has arrived."""
        assert self.switching, "decided before"
        self.replicate()
        for site in self.world.sites.values():
            site.base.in_recovery = site.name != self.switching
        self.leader, self.switching = self.switching, None

    def follows(self) -> bool:
        base = self.world.sites[self.other].base
        return base.in_recovery and base.branch == self.branch

    def replicate(self, most: int = 1000) -> None:
        """Streaming replication, while there is a standby of this leader."""
        if self.healthy() and self.follows():
            log, copy = (self.world.sites[name].base.log for name in (self.leader, self.other))
            copy += log[len(copy):len(copy) + most]

    def rebuild(self) -> None:
        """The region that was left behind becomes a standby of the leader."""
        for site in self.world.sites.values():
            self.tell(site)
        base = self.world.sites[self.leader].base
        self.world.sites[self.other].base = Base(True, self.branch, list(base.log))

    def can_protect(self) -> bool:
        """No entry of an earlier epoch is left in either journal, and the standby follows."""
        entries = [decode(message.body) for site in self.world.sites.values() for message in site.queues[JOURNAL]]
        return (self.unprotected_since is not None and self.healthy() and self.idle() and self.follows()
                and all(entry.epoch >= self.document.epoch for entry in entries))

    def lost(self) -> list[str]:
        """Where the invariant does not hold: for every command acknowledged `two-regions`, each region has it; but what
        was acknowledged before a fault may be in the leading one alone until the platform is protected again."""
        found = []
        for command_id, (kept, at) in self.world.acked.items():
            for region in OTHER if kept == "two-regions" else ():
                since = self.unprotected_since
                exempt = since is not None and at <= since and region != self.leader
                if not exempt and not self.world.holds(region, command_id, self.branch):
                    found.append(f"{command_id} of {at:.1f} s is not in {region}")
        return found
