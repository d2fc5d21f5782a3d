"""The outbox's safety net: workers publish right after a commit; what a kill left behind goes out from here."""

import azure.functions as func

from triggers.process import worker

blueprint = func.Blueprint()


@blueprint.function_name("outbox")
@blueprint.timer_trigger("timer", "*/5 * * * * *")
async def publish(timer: func.TimerRequest) -> None:
    """Every five seconds; does nothing where the writer is not."""
    await (await worker()).publish()
