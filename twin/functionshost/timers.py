"""The timer trigger: six fields, seconds first, UTC; run_on_startup; use_monitor keeps the schedule and finds past-due.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
Status blob and past-due rule as TimerListener and StorageScheduleMonitor:
https://github.com/Azure/azure-webjobs-sdk-extensions/tree/main/src/WebJobs.Extensions/Extensions/Timers
"""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.timer import TimerRequest
from azure.storage.blob.aio import BlobClient, ContainerClient
from croniter import CroniterBadCronError, croniter

from .hostjson import Host, Refused
from .invoke import Failed, Invoker, NotStarted, pause
from .logs import failure, log
from .package import Function

SHORTEST_MONITORED = timedelta(minutes=1)


def check(function: Function) -> None:
    """Refused: a schedule that is not NCRONTAB's six fields."""
    schedule = function.trigger["schedule"]
    try:
        if len(schedule.split()) != 6:
            raise CroniterBadCronError(f"{len(schedule.split())} fields")
        following(schedule, datetime.now(UTC))
    except CroniterBadCronError as error:
        raise Refused(f"function {function.name}: schedule {schedule!r} is not six NCRONTAB fields "
                      f"(second minute hour day month weekday): {error}") from error


def following(schedule: str, after: datetime) -> datetime:
    """The next occurrence; where day and weekday are both given, NCRONTAB wants both, unlike cron."""
    return croniter(schedule, after, second_at_beginning=True, day_or=False).get_next(datetime)


async def keep(function: Function, host: Host, container: ContainerClient, invoker: Invoker) -> None:
    """Call the function on its schedule until the invoker stops; run by the leader only."""
    schedule, now = function.trigger["schedule"], datetime.now(UTC)
    due = following(schedule, now)
    monitored = function.trigger.get("useMonitor", True) and following(schedule, due) - due >= SHORTEST_MONITORED
    status = container.get_blob_client(f"timers/{host.id}/Host.Functions.{function.name}/status")
    kept = await _read(status) if monitored else None
    past_due = kept is not None and datetime.fromisoformat(kept["Next"]) < now
    last = datetime.fromisoformat(kept["Last"]) if kept and kept["Last"] else None
    at_once = past_due or function.trigger.get("runOnStartup")
    while not invoker.stopping.is_set():
        if at_once:
            with contextlib.suppress(Failed, NotStarted):
                await invoker(function, TimerRequest(past_due=past_due, schedule_status=kept))
            last, past_due, kept = now, False, None
        due = following(schedule, datetime.now(UTC))
        if monitored:
            await _write(status, last, due)
        await pause(invoker.stopping, (due - datetime.now(UTC)).total_seconds())
        now, at_once = due, True


async def _read(status: BlobClient) -> dict[str, Any] | None:
    try:
        return json.loads(await (await status.download_blob()).readall())
    except (ResourceNotFoundError, ValueError):
        return None
    except (AzureError, OSError) as error:
        log("timer_status_unavailable", "warning", **failure(error))
        return None


async def _write(status: BlobClient, last: datetime | None, due: datetime) -> None:
    document = {"Last": last, "Next": due, "LastUpdated": datetime.now(UTC)}
    try:
        await status.upload_blob(json.dumps(document, default=datetime.isoformat), overwrite=True)
    except (AzureError, OSError) as error:
        log("timer_status_unavailable", "warning", **failure(error))
