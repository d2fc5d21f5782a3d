"""The journal's walk: entries are let go, sent again, passed on."""

import azure.functions as func

from triggers.process import build, worker

blueprint = func.Blueprint()


@blueprint.function_name("journal")
@blueprint.timer_trigger("timer", "*/2 * * * * *")
async def walk(timer: func.TimerRequest) -> None:
    """Every two seconds, in one instance at a time, which the host sees to
    (https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#scale-out)."""
    await (await worker()).walk(build())
