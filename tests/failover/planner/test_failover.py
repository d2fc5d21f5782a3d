"""Unplanned: what is done when a region is lost, and when it is not done."""

from dataclasses import replace

import pytest

from failover.observation import Server
from failover.planner import Plan, Refusal, Request, plan
from failover.planner.effects import after_all
from failover.steps import Decide
from shipments.standing import Lineage
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, document, put, without

TO_WEST = Request("failover", WEST, by="bob")


def names(found: Plan | Refusal) -> list[str]:
    assert isinstance(found, Plan), f"a plan was expected: {found}"
    return [step.name for step in found.steps]


def refused(found: Plan | Refusal) -> Refusal:
    assert isinstance(found, Refusal), f"a refusal was expected: {found}"
    return found


def test_a_lost_region_is_left_with_a_new_epoch_a_wait_and_a_forced_promote():
    found = plan(without(platforms.healthy(), EAST), TO_WEST)
    assert names(found) == ["decide", "await-validity", "promote", "applies", "edge-leads"], "in this order only"
    assert found.destructive, "what was not streamed is given up, and the plan says so"
    decision = found.steps[0]
    assert isinstance(decision, Decide) and decision.regions == (WEST,), "only who answers can be told"
    worker = next(one for one in decision.documents if one.service == "worker")
    assert worker.lineage == Lineage(1, WEST), "the promoted database begins a lineage of its own"
    assert worker.unprotected_since and dict(worker.states) == {EAST: "fenced", WEST: "failover"}, worker


def test_static_content_is_left_to_the_edge_unless_it_is_named():
    assert "static" not in plan(without(platforms.healthy(), EAST), TO_WEST).title, "both origins hold the same"
    found = plan(platforms.healthy(), replace(TO_WEST, services=("static",)))
    assert names(found) == ["decide", "origin"], "its edge configuration is all that can move it"
    back = plan(after_all(found.steps, platforms.healthy()), Request("failover", EAST, ("static",)))
    assert names(back) == ["decide", "origin"] and "enable" in back.steps[1].title, "and it can be given back"


def test_one_service_moves_without_the_database():
    found = plan(without(platforms.healthy(), EAST), replace(TO_WEST, services=("api",)))
    assert names(found) == ["decide", "edge-leads"], "reads and acknowledgements need no writer in their region"
    assert [one.service for one in found.steps[0].documents] == ["api"], "nobody else is touched"
    assert not found.destructive, "and nothing can be lost"


def test_while_the_edge_leaves_a_region_that_answers_it_goes_on_accepting():
    found = plan(platforms.healthy(), replace(TO_WEST, services=("api",)))
    assert names(found) == ["decide", "edge-leads", "decide", "edge-leads"], "it is refused only when nobody comes"
    assert found.steps[0].documents[0].leaving == EAST and found.steps[2].documents[0].state_of(EAST) == "fenced"


def test_the_worker_alone_takes_the_database_with_it():
    assert "promote" in names(plan(platforms.healthy(), replace(TO_WEST, services=("worker",)))), \
        "the worker's document decides where the database is"


def test_a_region_that_answers_is_better_switched_over():
    told = plan(platforms.healthy(), TO_WEST)
    assert any("switchover" in warning for warning in told.warnings), "and the operator is told before saying yes"


def test_a_small_standby_is_scaled_up_beside_the_rest():
    seen = without(platforms.healthy(), EAST).with_region(WEST, capacity=1)
    found = plan(seen, TO_WEST)
    assert names(found)[1] == "scale-up" and found.steps[1].at_once, "processing does not wait for instances"


def test_an_unknown_region_and_an_unknown_service_are_named_with_those_that_exist():
    wrong = refused(plan(platforms.healthy(), Request("failover", "mars")))
    assert EAST in wrong.limit and WEST in wrong.limit and "mars" in wrong.value, wrong
    wrong = refused(plan(platforms.healthy(), replace(TO_WEST, services=("apu",))))
    assert "api" in wrong.limit and "apu" in wrong.value, wrong


def test_the_active_region_cannot_be_failed_over_to():
    wrong = refused(plan(platforms.healthy(), Request("failover", EAST)))
    assert "is it already" in wrong.value and WEST in wrong.act, wrong


def test_a_failover_that_was_done_is_only_verified_when_it_is_run_again():
    gone = without(platforms.healthy(), EAST)
    done = after_all(plan(gone, TO_WEST).steps, gone)
    assert names(plan(done, TO_WEST)) == ["applies", "edge-leads"], "it changes nothing and looks whether all is well"


def test_nothing_takes_over_in_a_region_that_does_not_answer():
    assert WEST in refused(plan(without(platforms.healthy(), WEST), TO_WEST)).limit, "the target must answer"


def test_stale_data_is_never_promoted():
    """East died, West took over; now West dies, and East's old database is offered."""
    seen = without(platforms.healthy(), EAST)
    seen = after_all(plan(seen, TO_WEST).steps, seen)
    back = seen.with_region(EAST, reachable=True, journal=platforms.journal(True), server=Server("Primary"))
    wrong = refused(plan(without(back, WEST), Request("failover", EAST)))
    assert "both are" in wrong.value, f"East knows of no failover, but Resource Manager does: {wrong}"
    known = back.with_documents((seen.writer,), (EAST,))
    wrong = refused(plan(without(known, WEST), Request("failover", EAST, force=True)))
    assert "PostgreSQL in eastus" in wrong.limit, f"once it is known, not even by force: {wrong}"


def test_failing_over_while_unprotected_needs_force():
    seen = put(platforms.healthy(), document("worker", EAST, unprotected_since="2026-11-22T11:00:00Z"))
    gone = without(seen, EAST)
    assert "--force" in refused(plan(gone, TO_WEST)).act, "what was accepted since may be in East alone"
    assert "promote" in names(plan(gone, replace(TO_WEST, force=True))), "the operator decides"


def test_a_planned_promote_that_was_interrupted_is_not_forced():
    seen = platforms.healthy().with_region(WEST, server=Server("Primary"), journal=platforms.journal(True))
    found = plan(without(seen.with_region(EAST, server=Server("GeoAsyncReplica", "Ready", "Active")), EAST), TO_WEST)
    assert "promote" not in names(found), "West has the writer already"
    assert found.steps[0].documents[2].lineage == (0, ""), "and goes on with the lineage that it has"


def test_a_document_in_one_region_only_is_spread():
    seen = platforms.healthy().with_documents((document("api", WEST),), (EAST,))
    found = plan(seen, replace(TO_WEST, services=("api",)))
    assert found.steps[0].regions == (WEST,), "an interrupted decision is completed"


def test_a_damaged_document_is_replaced_by_what_the_other_region_holds():
    seen = platforms.damaged(put(platforms.healthy(), document("api", EAST)), "api", WEST)
    found = plan(seen, replace(TO_WEST, services=("api",)))
    assert any("damaged" in warning for warning in found.warnings), "the operator is told"
    assert found.steps[0].documents[0].epoch == 5, "one above what is known"


def test_a_state_that_nobody_can_read_is_decided_only_by_force():
    seen = platforms.damaged(platforms.damaged(platforms.healthy(), "api", WEST), "api", EAST)
    wrong = refused(plan(seen, replace(TO_WEST, services=("api",))))
    assert "control/api.json" in wrong.limit and "--force" in wrong.act and "14 days" in wrong.act, wrong
    assert names(plan(seen, replace(TO_WEST, services=("api",), force=True))), "with force the configuration's holds"


@pytest.mark.parametrize("verb", ["switchover", "reprotect", "failback"])
def test_clocks_ten_minutes_apart_stop_whatever_is_planned(verb):
    seen = platforms.healthy().with_region(WEST, skew=600.0)
    wrong = refused(plan(seen, Request(verb)))
    assert "600 s" in wrong.value and "clock" in wrong.act, wrong


def test_clocks_apart_are_only_mentioned_in_an_emergency():
    found = plan(without(platforms.healthy().with_region(WEST, skew=600.0), EAST), TO_WEST)
    assert any("600 s" in warning for warning in found.warnings), "nothing that is waited for needs equal clocks"
