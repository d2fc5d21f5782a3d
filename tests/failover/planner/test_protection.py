"""Protecting again, going back, and salvaging what only a lost region has."""

from dataclasses import replace
from datetime import timedelta

from failover.observation import Observation, Server
from failover.planner import Plan, Refusal, Request, plan
from failover.planner.effects import after_all
from tests.failover import platforms
from tests.failover.platforms import EAST, NOW, WEST, document, put, without

REPROTECT = Request("reprotect", by="bob")


def names(found: Plan | Refusal) -> list[str]:
    assert isinstance(found, Plan), f"a plan was expected: {found}"
    return [step.name for step in found.steps]


def refused(found: Plan | Refusal) -> Refusal:
    assert isinstance(found, Refusal), f"a refusal was expected: {found}"
    return found


def failed_over(returned: bool = True) -> Observation:
    """East was lost and left; it may be back, with its old database."""
    seen = without(platforms.healthy(), EAST)
    seen = after_all(plan(seen, Request("failover", WEST, by="ann")).steps, seen)
    return seen.with_region(EAST, reachable=True, why="", skew=0.0, journal=platforms.journal(True),
                            server=Server("Primary")) if returned else seen


def test_a_returned_region_is_rebuilt_confirmed_decided_and_configured():
    found = plan(failed_over(), REPROTECT)
    assert names(found) == ["rebuild", "confirm", "decide", "swap-primary"], "data, documents, configuration"
    assert found.destructive and any("replaced" in warning for warning in found.warnings), "the old data goes"
    end = after_all(found.steps, failed_over())
    assert end.writer.unprotected_since is None and end.platform.primary == WEST, "protected, and West is preferred"
    assert names(plan(end, REPROTECT)) == [], "run again, there is nothing to do"


def test_a_region_that_is_still_away_cannot_protect():
    assert EAST in refused(plan(failed_over(returned=False), REPROTECT)).limit, "nothing can be rebuilt there"


def test_a_former_primary_that_came_back_as_replica_is_kept():
    seen = failed_over().with_region(EAST, server=Server("GeoAsyncReplica", "Ready", "Active"), journal=None)
    assert "rebuild" not in names(plan(seen, REPROTECT)), "Azure has rebuilt it by itself"


def test_an_unfinished_failover_is_finished_first():
    seen = failed_over().with_region(WEST, server=Server("GeoAsyncReplica", "Ready", "Active"))
    assert "failover failover --to westus" in refused(plan(seen, REPROTECT)).act, "nobody writes yet"


def test_locally_redundant_accounts_become_what_they_were():
    accounts = tuple(replace(account, sku="Standard_LRS", region=WEST) for account in platforms.accounts(EAST))
    seen = failed_over().with_region(EAST, accounts=accounts)
    found = plan(seen, REPROTECT)
    assert names(found)[1:5] == ["geo-redundant", "geo-redundant", "move-account", "move-account"], \
        "copied again first, then moved home without loss"
    assert [step.sku for step in found.steps[1:3]] == ["Standard_GRS", "Standard_RAGRS"], "queues are never read there"


def test_a_service_apart_from_the_database_is_pinned_in_the_configuration():
    found = plan(put(platforms.healthy(), document("api", WEST)), REPROTECT)
    assert found.steps[-1].overrides == {"api": WEST}, "its own primary is set, not the platform's"


def test_going_back_protects_moves_and_protects_again():
    seen = failed_over()
    found = plan(seen, Request("failback", by="bob"))
    assert names(found) == ["rebuild", "confirm", "decide", "decide", "edge-leads", "promote", "decide", "applies",
                            "edge-leads"], "one verb for the whole way home"
    end = after_all(found.steps, seen)
    assert end.writer.active_region == EAST and end.platform.primary == EAST, "where it began"
    assert names(plan(end, Request("failback"))) == [], "run again, there is nothing to do"


def test_going_back_after_the_configuration_followed_swaps_it_again():
    seen = after_all(plan(failed_over(), REPROTECT).steps, failed_over())
    found = plan(seen, Request("failback"))
    assert "rebuild" not in names(found) and names(found)[-1] == "swap-primary", "only what is still needed"


def test_salvage_shows_what_may_be_lost_before_it_moves_anything():
    found = plan(failed_over(returned=False), Request("salvage", region=EAST))
    assert names(found) == ["move-account", "move-account", "decide"], "then the journal knows where the queues are"
    assert found.destructive, "what was not copied is given up"
    assert any("9 s ago" in warning and "one-region" in warning for warning in found.warnings), found.warnings
    assert found.steps[-1].documents[0].queues_in == {EAST: WEST}, "East's queues are in West now"


def test_salvage_is_not_for_a_region_that_answers_or_leads():
    assert "--planned" in refused(plan(failed_over(), Request("salvage", region=EAST))).act, "its data is there"
    lead = without(platforms.healthy(), EAST)
    wrong = refused(plan(lead, Request("salvage", region=EAST)))
    assert "failover failover --to westus" in wrong.act, "first things first"


def test_a_planned_salvage_needs_a_recent_copy():
    old = tuple(replace(account, last_sync=NOW - timedelta(minutes=31)) for account in platforms.accounts(EAST))
    request = Request("salvage", region=EAST, planned=True)
    assert "0:30:00" in refused(plan(failed_over().with_region(EAST, accounts=old), request)).limit, "Azure's own limit"
    assert not plan(failed_over(), request).destructive, "with a recent one nothing is lost"
