"""A region's storage accounts move to their copies: for what was acknowledged by that region alone, when it will not
return.  Nothing acknowledged by two regions needs it."""

from datetime import timedelta

from failover.observation import Account, Observation, iso
from failover.planner.common import decide, known_region, need_clocks, need_reachable, need_states
from failover.planner.request import Plan, Refused, Request
from failover.steps import MoveAccount, Step

OLDEST_SYNC = timedelta(minutes=30)
"""https://learn.microsoft.com/azure/storage/common/storage-failover-customer-managed-planned"""


def plan_salvage(seen: Observation, request: Request) -> Plan:
    """Raises Refused.  A plan without steps: the accounts have moved already."""
    region = known_region(seen, request.region)
    to, writer = seen.platform.peer(region), seen.writer
    need_reachable(seen, to, "Nothing can be moved there.", "Run it again when it answers.")
    need_states(seen, (seen.platform.writer,), request)
    need_clocks(seen)
    if writer.active_region == region:
        raise Refused(f"{region} must not lead", f"it is the active region since {writer.since or 'the beginning'}",
                      "The queues of the leading region are in use.", f"First `failover failover --to {to}`.")
    if seen.view(region).reachable and not request.planned and not request.force:
        raise Refused("an unplanned storage failover is for a region that is lost", f"{region} answers",
                      "It would give up what was not copied, though the account itself is there.",
                      "Use `failover reprotect`, or --planned, or --force if you know better.")
    accounts = [account for account in seen.view(region).accounts if account.kind != "static"]
    if not accounts:
        raise Refused("the accounts' replication has to be known", "it could not be read", "; ".join(seen.problems),
                      "Sign in with a role that reads the storage accounts.")
    moving = [account for account in accounts if account.region == region]
    for account in moving:
        _need_movable(seen, account, request)
    steps: list[Step] = [MoveAccount(account.name, account.kind, region, to, request.planned) for account in moving]
    if any(account.kind == "queues" for account in accounts) and writer.queues_in.get(region) != to:
        steps += [decide(seen, (seen.platform.writer,), to, request, other="fenced",
                         reason=f"storage of {region} moved to {to}", queues_in={**writer.queues_in, region: to},
                         unprotected_since=writer.unprotected_since or iso(seen.at))]
    return Plan(request, f"move {region}'s storage accounts to {to}", tuple(steps), _losses(seen, moving, request))


def _need_movable(seen: Observation, account: Account, request: Request) -> None:
    able = account.can_fail_over_planned if request.planned else account.can_fail_over
    age = seen.at - account.last_sync if account.last_sync else None
    if able is False or not account.geo_redundant:
        raise Refused(f"{account.name} has to be able to fail over", f"its redundancy is {account.sku}",
                      f"Azure says that it cannot (copy: {account.geo_status or 'none'}).",
                      "Wait until its copy is live, or make it geo-redundant with `failover reprotect`.")
    if request.planned and (age is None or age > OLDEST_SYNC):
        raise Refused(f"a planned failover needs a Last Sync Time of less than {OLDEST_SYNC}",
                      f"{account.name}: {account.last_sync or 'unknown'}", "The copy lags too far behind.",
                      "Wait until it has caught up; `failover status` shows it.")


def _losses(seen: Observation, moving: list[Account], request: Request) -> tuple[str, ...]:
    """What an operator has to know before saying yes."""
    if request.planned or not moving:
        return ()
    held = {"queues": "one-region acknowledgements", "blobs": "photos and lake files"}
    told = [f"{account.name}: what was written after {_since(seen, account)} may be lost: {held[account.kind]}"
            for account in moving]
    return (*told, "the accounts are locally redundant afterwards; `failover reprotect` makes them geo-redundant again")


def _since(seen: Observation, account: Account) -> str:
    if not account.last_sync:
        return "an unknown time"
    return f"{iso(account.last_sync)} ({(seen.at - account.last_sync).total_seconds():.0f} s ago)"
