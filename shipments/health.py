"""How the app's dependencies do, each as it answers now."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from shipments.database import Connection
from shipments.models import Dependency

LONGEST = 1.0
"""Seconds that a dependency may take; Front Door's probes must not pile up behind one that hangs."""


async def look(checks: Mapping[str, Callable[[], Awaitable[object]]]) -> list[Dependency]:
    """All of them at once; a check that raises or takes too long is a dependency that is not ok."""
    return list(await asyncio.gather(*(_look(name, check) for name, check in checks.items())))


async def select_one(connection: Connection) -> None:
    await connection.execute("select 1")


async def _look(name: str, check: Callable[[], Awaitable[object]]) -> Dependency:
    start, detail = time.perf_counter(), ""
    try:
        async with asyncio.timeout(LONGEST):
            await check()
    except TimeoutError:
        detail = f"no answer within {LONGEST:.0f} s"
    except Exception as error:
        detail = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return Dependency(name, not detail, detail or "ok", round((time.perf_counter() - start) * 1000, 1))
