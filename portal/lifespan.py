"""What an app holds while it runs: the domain and its health, opened when it starts and closed when it ends."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from portal.health import Health
from portal.identity import Identity
from portal.standing import Standpoint
from shipments.service import Shipments

Connect = Callable[[], Shipments]
"""Makes the domain's clients, inside the running event loop."""


def lifespan(connect: Connect, identity: Identity) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Sets `app.state.shipments`, `app.state.standpoint` and `app.state.health`."""
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        async with connect() as shipments:
            app.state.shipments = shipments
            app.state.standpoint = Standpoint(shipments, identity)
            app.state.health = Health(app.state.standpoint)
            _spare_the_collector()
            yield

    return run


def _spare_the_collector() -> None:
    """What was loaded until now stays for good, so it is not looked at again in each full collection: those stopped
    every request for 80 ms, about once a second under load (https://docs.python.org/3/library/gc.html#gc.freeze)."""
    gc.collect()
    gc.freeze()
