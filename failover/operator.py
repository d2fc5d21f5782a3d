"""The operator's hands: look, and do a plan.

    async with Operator.connect(settings) as operator:
        seen = await operator.observe()
        match plan(seen, Request("failover", to="westus", by=settings.by)):
            case Plan() as found: await operator.execute(found, print)
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.core.credentials_async import AsyncTokenCredential

from failover.cloud import Cloud
from failover.compute import Compute
from failover.control import Control
from failover.database import Databases
from failover.edge import Edge
from failover.execute import Event, Executor, Tell
from failover.journal import Journals
from failover.observation import Observation
from failover.observe import Look, Rooms, observe
from failover.planner import Plan
from failover.settings import Settings
from failover.storage import Accounts


class Operator:
    """Connected to one platform."""

    def __init__(self, rooms: Rooms):
        self.rooms = rooms

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings, credential: AsyncTokenCredential | None = None
                      ) -> AsyncIterator["Operator"]:
        """Opens nothing before it is needed.  Raises OperatorError when the platform's outputs cannot be read."""
        cloud = Cloud(settings, settings.platform(), credential)
        edge = Edge(cloud)
        try:
            yield cls(Rooms(cloud, Control(cloud), Journals(cloud), Databases(cloud), Accounts(cloud), Compute(cloud),
                            edge))
        finally:
            await edge.close()
            await cloud.close()

    async def observe(self, look: Look = Look()) -> Observation:
        """What is so now; what is written later is written only as it was seen here.  Raises Denied."""
        seen = await observe(self.rooms, look)
        self.rooms.control.saw(seen)
        return seen

    async def execute(self, plan: Plan, tell: Tell) -> list[Event]:
        """The plan of what was observed last, to its end or to the first step that failed."""
        return await Executor(self.rooms).run(plan, tell)
