"""The database follows the code: at start, and every minute, so that one that was away or was promoted catches up."""

import azure.functions as func

from shipments import migrate
from triggers.process import settings

blueprint = func.Blueprint()


@blueprint.function_name("migrate")
@blueprint.timer_trigger("timer", "0 * * * * *", run_on_startup=True)
async def bring_up_to_date(timer: func.TimerRequest) -> None:
    """SQL roles, migrations, grants; does nothing on a read-only server."""
    await migrate.run(settings())
