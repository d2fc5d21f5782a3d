"""Planned: the edge first, then the database, then the decision; only when both regions are well."""

from dataclasses import replace

import pytest

from failover.observation import Server
from failover.planner import Plan, Refusal, Request, plan
from failover.planner.effects import after_all
from failover.steps import Decide
from shipments.standing import may_write, probe_ready
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, document, put, without

REQUEST = Request("switchover", by="bob")


def refused(found: Plan | Refusal) -> Refusal:
    assert isinstance(found, Refusal), f"a refusal was expected: {found}"
    return found


def test_the_edge_leaves_before_anything_else_moves():
    found = plan(platforms.healthy(), REQUEST)
    assert [step.name for step in found.steps] == ["decide", "edge-leads", "promote", "decide", "applies", "edge-leads"]
    assert not found.destructive, "a switchover loses nothing"
    assert found.steps[0].documents[0].leaving == EAST, "East's probes turn bad while it goes on serving"
    assert found.steps[3].documents[0].states == {EAST: "standby", WEST: "failover"}, "West is not yet preferred"


@pytest.mark.parametrize("primary", [EAST, WEST])
@pytest.mark.parametrize("mode", ["automatic", "manual"])
def test_while_the_edge_moves_both_regions_take_writes_and_the_new_one_is_ready(primary, mode):
    """Also towards the preferred region, which stands by until then, and in manual mode."""
    drained = next(step for step in plan(platforms.healthy(), REQUEST).steps if isinstance(step, Decide)).documents[0]
    assert all(may_write(drained, region, primary_region=primary) for region in (EAST, WEST)), "no write is refused"
    assert probe_ready(drained, WEST, primary_region=primary, mode=mode), "the edge finds West ready at once"
    assert not probe_ready(drained, EAST, primary_region=primary, mode=mode), "and leaves East"


def test_the_way_is_found_and_the_way_back_too():
    seen = platforms.healthy()
    there = plan(seen, REQUEST)
    assert there.request.to == WEST, "away from where it runs"
    assert plan(after_all(there.steps, seen), REQUEST).request.to == EAST, "and from there back"


@pytest.mark.parametrize("done", range(6))
def test_an_interrupted_one_goes_on_instead_of_turning_back(done):
    seen = platforms.healthy()
    steps = plan(seen, REQUEST).steps[:done]
    assert plan(after_all(steps, seen), REQUEST).request.to == (WEST if done < 4 else EAST), \
        "until the decision is made it goes on; after that it is another switchover"


def test_with_a_dead_region_it_is_refused_and_the_other_verb_named():
    wrong = refused(plan(without(platforms.healthy(), EAST), REQUEST))
    assert EAST in wrong.limit and "failover failover --to westus" in wrong.act, wrong


def test_where_it_runs_already_it_is_refused():
    assert "is it already" in refused(plan(platforms.healthy(), replace(REQUEST, to=EAST))).value


def test_a_replica_that_does_not_stream_is_not_switched_to():
    seen = platforms.healthy().with_region(WEST, server=Server("GeoAsyncReplica", "Ready", "Broken"))
    wrong = refused(plan(seen, REQUEST))
    assert "Broken" in wrong.value and "reprotect" in wrong.act, wrong


def test_a_region_without_a_live_worker_is_not_switched_to():
    seen = platforms.healthy().with_region(WEST, journal=platforms.journal(False, age=90.0))
    assert "90 s" in refused(plan(seen, REQUEST)).value, "nobody would apply commands there"


def test_what_is_unprotected_is_confirmed_first():
    seen = put(platforms.healthy(), document("worker", EAST, unprotected_since="2026-11-22T11:00:00Z"))
    found = plan(seen, REQUEST)
    assert found.steps[0].name == "confirm", "before the edge leaves, both databases have everything"
    assert after_all(found.steps, seen).writer.unprotected_since is None, "so that it is protected afterwards"


def test_another_operator_at_work_is_left_alone_for_a_while():
    leaving = document("api", EAST, leaving=EAST, states={EAST: "active", WEST: "failover"},
                       since="2026-11-22T11:59:50Z")
    wrong = refused(plan(put(platforms.healthy(), leaving), REQUEST))
    assert "ann" in wrong.value and "11:59:50" in wrong.value, "who and since when"
    old = put(platforms.healthy(), replace(leaving, since="2026-11-22T11:50:00Z"))
    assert isinstance(plan(old, REQUEST), Plan), "what was left half done may be finished by anybody"


def test_services_in_both_regions_need_a_direction():
    seen = put(platforms.healthy(), document("api", WEST))
    assert "--to" in refused(plan(seen, REQUEST)).limit, "it would be a guess"
    assert isinstance(plan(seen, replace(REQUEST, to=WEST)), Plan), "named, it is none"


def test_reads_from_both_regions_are_not_waited_for():
    services = [{**service, "strategy": "active-active-reads"} for service in platforms.outputs()["services"]]
    seen = replace(platforms.healthy(), platform=platforms.platform(services=services))
    assert "edge-leads" not in [step.name for step in plan(seen, REQUEST).steps], "they go on coming from both"
