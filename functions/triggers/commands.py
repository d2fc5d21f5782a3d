"""Commands are applied here, or moved to the region that can."""

import azure.functions as func

from shipments.settings import COMMANDS
from triggers.process import worker

blueprint = func.Blueprint()


@blueprint.function_name("commands")
@blueprint.queue_trigger("message", COMMANDS, "QUEUES")
async def apply(message: func.QueueMessage) -> None:
    """Raises only what passes, so that the host shows the message again."""
    await (await worker()).command(message.get_body())
