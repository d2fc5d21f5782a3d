"""Subscribers of what happened: each has its own queue, and its effect once."""

import azure.functions as func

from shipments.settings import NOTIFICATIONS, PHOTO_TASKS, STATISTICS
from triggers.process import worker

blueprint = func.Blueprint()


@blueprint.function_name("statistics")
@blueprint.queue_trigger("message", STATISTICS, "QUEUES")
async def count(message: func.QueueMessage) -> None:
    """Shipments per state and day."""
    await (await worker()).told(STATISTICS, message.get_body())


@blueprint.function_name("notifications")
@blueprint.queue_trigger("message", NOTIFICATIONS, "QUEUES")
async def notify(message: func.QueueMessage) -> None:
    """A durable notification for everything that happens to a shipment."""
    await (await worker()).told(NOTIFICATIONS, message.get_body())


@blueprint.function_name("photos")
@blueprint.queue_trigger("message", PHOTO_TASKS, "QUEUES")
async def record_photo(message: func.QueueMessage) -> None:
    """A record of each photo that came with a comment."""
    await (await worker()).told(PHOTO_TASKS, message.get_body())
