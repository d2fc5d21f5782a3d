"""Static content: both origins hold the same files, so only the edge's own configuration moves it by order."""

from failover.observation import Observation
from failover.planner.request import Refused
from failover.steps import Origin, Step


def origin(seen: Observation, services: tuple[str, ...], to: str) -> list[Step]:
    """The primary endpoint's origin is used, or not.  The secondary's is never touched: it is the way out."""
    static = seen.platform.static
    named = [name for name in services if seen.platform.services[name].kind == "static"]
    if named and to not in (static.location, static.secondary_location):
        raise Refused(f"static content is in {static.location} and {static.secondary_location}", f"{to} was asked for",
                      "The account's copy lies where Azure pairs its region.", "Name one of them.")
    wanted = to == static.location
    return [Origin(name, static.location, wanted) for name in named if seen.view(static.location).origin is not wanted]
