"""After a failover or a salvage: the other region becomes a true standby again, in data, documents, configuration."""

from dataclasses import replace

from failover.observation import Account, Observation, iso
from failover.planner.common import (
    clock_warning,
    need_clocks,
    need_hands_off,
    need_reachable,
    need_states,
    ordered,
)
from failover.planner.effects import after_all
from failover.planner.request import Plan, Refused, Request
from failover.steps import Confirm, Decide, GeoRedundant, MoveAccount, Rebuild, Step, SwapPrimary
from shipments.standing import Document

GEO = {"Standard_LRS": {"queues": "Standard_GRS", "blobs": "Standard_RAGRS", "static": "Standard_RAGRS"},
       "Standard_ZRS": {"queues": "Standard_GZRS", "blobs": "Standard_RAGZRS", "static": "Standard_RAGZRS"}}
"""What an account becomes again.  Queues never get read access to their copy: it is of no use to them."""


def plan_reprotect(seen: Observation, request: Request) -> Plan:
    """Raises Refused.  A plan without steps: it is protected already."""
    lead = seen.writer.active_region
    other, services = seen.platform.peer(lead), tuple(seen.platform.services)
    need_reachable(seen, other, "Nothing can be rebuilt there.", "Run it again when the region answers.")
    need_reachable(seen, lead, "It holds the data.", "Run it again when the region answers.")
    warnings = need_states(seen, services, request) + clock_warning(seen)
    need_clocks(seen)
    need_hands_off(seen, services, request)
    server = seen.view(lead).server
    if server is None or not server.writes:
        found = server.role if server else "not readable"
        raise Refused(f"PostgreSQL in {lead} has to be the primary", f"it is {found}",
                      "The last failover or switchover was not finished.", f"Run `failover failover --to {lead}`.")
    steps = [*_data(seen, lead, other), *_accounts(seen)]
    if steps or seen.writer.unprotected_since:
        steps.append(Confirm(seen.writer.lineage))
    steps += settled(after_all(tuple(steps), seen), request)
    steps += swap(seen)
    return Plan(request, f"protect {lead} by {other} again", tuple(steps), warnings + _warnings(seen, other, steps))


def _data(seen: Observation, lead: str, other: str) -> list[Step]:
    """A server that streams from the writer holds its lineage by nature, unless its own worker says otherwise."""
    view = seen.view(other)
    told = view.journal.lineage if view.journal and view.journal.fresh else seen.writer.lineage
    fit = view.server is not None and view.server.replicates and told == seen.writer.lineage
    return [] if fit else [Rebuild(other, lead)]


def _accounts(seen: Observation) -> list[Step]:
    accounts = [account for view in seen.regions.values() for account in view.accounts if account.kind != "static"]
    return [*(GeoRedundant(account.name, account.kind, account.home, GEO[account.sku][account.kind])
              for account in accounts if not account.geo_redundant),
            *(MoveAccount(account.name, account.kind, account.home, account.home, planned=True)
              for account in accounts if account.region != account.home)]


def settled(seen: Observation, request: Request) -> list[Step]:
    """Documents that say active and standby, queues at home, protected; only those that do not say so yet."""
    final = {name: _final(seen, name) for name in seen.platform.services}
    stale = [name for name, document in final.items()
             if document != seen.document(name) or (seen.behind(name) and seen.document(name).epoch > 0)]
    written = tuple(replace(final[name], epoch=seen.top + 1, since=iso(seen.at), by=request.by,
                            reason=f"protected again; {final[name].active_region} leads") for name in stale)
    return [Decide(written, ordered(seen, seen.writer.active_region))] if written else []


def _final(seen: Observation, service: str) -> Document:
    document, platform = seen.document(service), seen.platform
    lead = document.active_region
    away = {account.home: account.region for view in seen.regions.values() for account in view.accounts
            if account.kind == "queues" and account.region != account.home}
    return replace(document, states={lead: "active", platform.peer(lead): "standby"}, leaving=None,
                   unprotected_since=None, queues_in=away)


def swap(seen: Observation) -> list[Step]:
    """The configuration prefers the regions that lead."""
    platform, lead = seen.platform, seen.writer.active_region
    leads = {name: seen.document(name).active_region for name in platform.movable}
    if platform.primary == lead and all(platform.services[name].primary == region for name, region in leads.items()):
        return []
    return [SwapPrimary(lead, {name: region for name, region in leads.items() if region != lead})]


def _warnings(seen: Observation, other: str, steps: list[Step]) -> tuple[str, ...]:
    told = []
    if any(isinstance(step, Rebuild) for step in steps):
        told.append(f"PostgreSQL in {other} is replaced: a command that only it had applied is applied again from the "
                    "journal, anything else that only it holds is gone")
    locally = [account for view in seen.regions.values() for account in view.accounts if _was_zoned(account)]
    told += [f"{account.name} becomes {GEO[account.sku][account.kind]}; where it had zones, ask for a conversion "
             "to GZRS when it is home" for account in locally]
    return tuple(told)


def _was_zoned(account: Account) -> bool:
    return account.sku == "Standard_LRS" and account.kind == "queues"
