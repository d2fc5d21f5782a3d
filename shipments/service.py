"""The domain's front door: what the portal asks of it.

    async with Shipments.connect(Settings.from_environment()) as shipments:
        accepted = await shipments.submit(shipments.command(RegisterShipment(…), key=idempotency_key))
"""

from typing import Self

from shipments.commands import Body, Command, new_command
from shipments.eventquery import EventQuery
from shipments.models import Accepted, CaptureJob, CaptureJobPage, CommandResult, Dependency, EventPage, Shipment
from shipments.settings import Settings


class Shipments:
    """Queries and commands.  Everything that answers late or not raises `errors.Unavailable`, never something else."""

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """The clients that the settings name; nothing is contacted before `async with`."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    def command(self, body: Body, key: str | None = None) -> Command:
        """The envelope of a request accepted here and now; `key` is the request's `Idempotency-Key`."""
        return new_command(body, region="", key=key)

    async def submit(self, command: Command) -> Accepted:
        """Makes the command durable; raises Unavailable when that cannot be done now."""
        raise NotImplementedError

    async def shipment(self, name: str) -> Shipment | None:
        """By tracking number or SSCC in any spelling; raises InvalidId for what is neither."""
        raise NotImplementedError

    async def shipment_json(self, name: str) -> bytes | None:
        """The same as ready JSON."""
        raise NotImplementedError

    async def result(self, command_id: str, wait: float = 0) -> CommandResult | None:
        """What became of a command, waiting up to `wait` seconds for it; None for an id that is not known."""
        raise NotImplementedError

    async def capture_job(self, capture_id: str, wait: float = 0) -> CaptureJob | None:
        raise NotImplementedError

    async def capture_jobs(self, per_page: int = 30, page_token: str | None = None) -> CaptureJobPage:
        """Finished capture jobs, newest first; raises Refused for a token that is not ours."""
        raise NotImplementedError

    async def events(self, query: EventQuery) -> EventPage:
        """Raises Refused for a page token that is not ours."""
        raise NotImplementedError

    async def health(self) -> list[Dependency]:
        """A fresh look at everything that the app needs, all at once, each at most a second."""
        raise NotImplementedError
