"""Where the service stands: what `/state` tells, pages say above their content, and every write is held against."""

from hashlib import blake2b

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from portal.identity import Identity
from shipments.control import ControlState, accepts
from shipments.errors import Unavailable
from shipments.models import Kept, View
from shipments.service import Shipments
from shipments.standing import Document, Mode, State

FENCED, ELSEWHERE = 5, 2
"""Seconds after which to try again: a planned switchover fences for that long, and the edge leaves a region sooner."""


class Lineage(View):
    """The forced promote that the writing database descends from; epoch 0 before there was one."""

    epoch: int
    region: str


class Writer(View):
    """Where commands are applied: the decision about the one service that does."""

    epoch: int
    active_region: str
    lineage: Lineage


class Standing(View):
    """Who answers, and where the service runs."""

    service: str
    region: str
    build: str
    state: State
    epoch: int
    active_region: str
    reason: str = ""
    since: str = ""
    leaving: bool = Field(False, description="The edge is being led away from here; reads and writes go on")
    mode: Mode = Field("automatic", description="`manual`: a standby region takes no traffic until it is ordered to")
    writable: bool = Field(True, description="Whether the region's state accepts writes")
    durability: Kept = Field(description="What a write would be answered now")
    writer: Writer


class Closed(Unavailable):
    """The region's state refuses writes."""

    def __init__(self, standing: Standing):
        fenced = standing.state == "fenced"
        place = "fenced, so it only reads" if fenced else f"standing by while {standing.active_region} runs the service"
        why = f"epoch {standing.epoch}, since {standing.since or 'its start'}: {standing.reason or 'no reason given'}"
        super().__init__(place, FENCED if fenced else ELSEWHERE)
        self.standing = standing
        self.args = (f"{standing.service} in {standing.region} takes no writes, it is {place} ({why}); "
                     f"send it again in {self.retry_after} seconds",)


class Standpoint:
    """The service in this region; every answer is what is known now, without asking anybody."""

    def __init__(self, shipments: Shipments, identity: Identity):
        self.shipments, self.identity = shipments, identity

    async def standing(self) -> Standing:
        """What `/state` tells."""
        known, settings = await self.shipments.control(), self.shipments.settings
        return Standing(
            service=known.service, region=known.region, build=self.identity.build, state=known.state, epoch=known.epoch,
            active_region=known.active_region, reason=known.reason, since=known.since, leaving=known.leaving,
            mode=settings.mode, writable=accepts(known, settings), durability=self.shipments.promise().durability,
            writer=_writer(await self.shipments.writer()))

    async def check_writable(self) -> ControlState:
        """Raises Closed while this region must not accept: fenced, or the preferred one while another runs it."""
        known = await self.shipments.control()
        if not accepts(known, self.shipments.settings):
            raise Closed(await self.standing())
        return known


async def state(request: Request) -> Response:
    """The standing; with a tag, so that the pages that ask for it again and again are mostly told "as before"."""
    body = (await request.app.state.standpoint.standing()).model_dump_json(by_alias=True).encode()
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


def _writer(document: Document) -> Writer:
    lineage = Lineage(epoch=document.lineage.epoch, region=document.lineage.region)
    return Writer(epoch=document.epoch, active_region=document.active_region, lineage=lineage)
