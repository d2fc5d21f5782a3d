"""Whatever is observed: a plan leads to a legal state, also when it is interrupted and made anew, or it is refused."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from failover.observation import Observation, RegionView, Seen, Server
from failover.planner import PLANNERS, Plan, Refusal, Request, plan
from failover.planner.effects import after, after_all
from failover.planner.invariants import broken
from failover.steps import AwaitValidity, Promote
from shipments.standing import FIRST, STATES, Document, Lineage
from tests.failover import platforms
from tests.failover.platforms import EAST, NOW, WEST

SERVICES = ("web", "api", "worker", "static")
regions = st.sampled_from([EAST, WEST])
lineages = st.sampled_from([FIRST, Lineage(2, WEST), Lineage(3, EAST)])
roles = st.sampled_from(["Primary", "GeoAsyncReplica", "Missing"])
servers = st.none() | st.builds(Server, roles, st.sampled_from(["Ready", "Updating"]),
                                st.sampled_from(["", "Active", "Broken", "Reconfiguring"]))


@st.composite
def documents(draw, service: str) -> Seen:
    """One region's blob: missing, damaged, or any decision at all."""
    if draw(st.integers(0, 9)) == 0:
        return Seen(None, "tag", "damaged")
    if draw(st.booleans()):
        return Seen()
    active, states = draw(regions), st.sampled_from(STATES)
    return Seen(Document(
        service, draw(st.integers(0, 6)), active, {EAST: draw(states), WEST: draw(states)}, "r", "2026-11-22T11:00:00Z",
        "ann", draw(lineages), draw(st.none() | regions), draw(st.sampled_from([{}, {EAST: WEST}])),
        draw(st.sampled_from([None, "2026-11-22T11:00:00Z"]))), "tag")


@st.composite
def views(draw, name: str) -> RegionView:
    controls = {service: draw(documents(service)) for service in SERVICES}
    journal = platforms.journal(draw(st.booleans()), draw(lineages), epoch=draw(st.integers(0, 7)),
                                age=draw(st.sampled_from([1.0, 60.0])))
    sku = st.sampled_from(["Standard_GRS", "Standard_LRS", "Standard_RAGRS"])
    accounts = tuple(replace(account, sku=draw(sku), region=draw(regions), can_fail_over=draw(st.booleans()))
                     for account in platforms.accounts(name))
    seen = replace(platforms.view(name, False), controls=controls, journal=journal if draw(st.booleans()) else None,
                   server=draw(servers), accounts=accounts, skew=draw(st.sampled_from([0.0, 0.0, 0.0, 3.0, 600.0])),
                   origin=draw(st.booleans() | st.none()), capacity=draw(st.sampled_from([None, 1, 3])))
    if draw(st.integers(0, 3)) == 0:
        return replace(seen, reachable=False, why="gone", controls={}, journal=None, skew=None)
    return seen


@st.composite
def observations(draw) -> Observation:
    """Any state, most of them such as should never be."""
    return Observation(NOW, platforms.platform(draw(regions)), {name: draw(views(name)) for name in (EAST, WEST)})


@st.composite
def requests(draw) -> Request:
    verb = draw(st.sampled_from(sorted(PLANNERS)))
    to = draw(regions) if verb == "failover" or draw(st.booleans()) else ""
    services = draw(st.sampled_from([(), ("api",), ("worker",), ("static",), ("web", "worker")]))
    return Request(verb, to, services if verb in ("switchover", "failover") else (), draw(st.booleans()), "bob",
                   draw(regions), draw(st.booleans()))


@st.composite
def histories(draw) -> Observation:
    """Where operators and faults can lead: verbs one after the other, each cut off somewhere, while a region is away or
    back; at last a fault or two that nobody ordered."""
    world = platforms.healthy(draw(regions))
    for _ in range(draw(st.integers(0, 4))):
        found = plan(_faulty(draw, world), draw(requests()))
        if isinstance(found, Plan):
            world = after_all(found.steps[:draw(st.integers(0, len(found.steps)))], world)
    name, service = draw(regions), draw(st.sampled_from(SERVICES))
    if draw(st.integers(0, 3)) == 0:
        world = platforms.damaged(world, service, name)
    if draw(st.integers(0, 3)) == 0:
        world = world.with_region(name, server=draw(servers))
    return _faulty(draw, world)


def _faulty(draw, world: Observation) -> Observation:
    gone = draw(st.sampled_from([None, None, EAST, WEST]))
    return platforms.without(world, gone) if gone else world


@settings(max_examples=200, deadline=None)
@given(histories() | observations(), requests())
def test_every_plan_ends_in_a_legal_state_or_is_refused_with_the_reason(seen, request):
    found = plan(seen, request)
    if isinstance(found, Refusal):
        assert found.limit and found.value and found.act, "a refusal tells the limit, the value and the next act"
        assert "planner" not in found.reason, f"no plan breaks an invariant by itself: {found}"
        return
    assert broken(seen, found) == "", "what is given out was checked"
    end = after_all(found.steps, seen)
    for service in SERVICES if request.verb in ("reprotect", "failback") else ():
        states = [end.document(service).state_of(region) for region in (EAST, WEST)]
        assert sum(state in ("active", "failover") for state in states) == 1, f"one region leads {service}: {states}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])  # many refusals
@given(histories(), requests(), st.data())
def test_an_interrupted_plan_is_planned_anew_to_the_same_end(seen, request, data):
    found = plan(seen, request)
    assume(isinstance(found, Plan) and found.steps)
    done = data.draw(st.integers(0, len(found.steps)))
    halfway = after_all(found.steps[:done], seen)
    again = plan(halfway, found.request)
    end = after_all(found.steps, seen)
    if isinstance(again, Refusal):
        complete = "is it already" in again.value and done == len(found.steps)
        assert complete or _placed(halfway) == _placed(end), f"after {done} of {len(found.steps)} steps: {again}"
        return
    resumed = after_all(again.steps, halfway)
    assert _placed(resumed) == _placed(end), "the end does not depend on interruptions"
    assert resumed.writer.unprotected_since or not end.writer.unprotected_since, "nothing is called protected too early"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])  # many refusals
@given(histories() | observations(), requests())
def test_a_forced_promote_comes_after_the_validity_and_never_of_stale_data(seen, request):
    found = plan(seen, request)
    assume(isinstance(found, Plan))
    now, waited = seen, False
    for step in found.steps:
        waited = waited or isinstance(step, AwaitValidity)
        if isinstance(step, Promote) and step.forced:
            assert waited, "an app may still trust its view from before the new epoch"
            before, told = seen.writer, seen.lineage_of(step.region)
            resumed = before.active_region == before.lineage.region == step.region
            assert resumed or told in (before.lineage, None), f"lineage {told} is not {before.lineage}"
            assert now.writer.lineage.region == step.region, "and what it becomes is a lineage of its own"
        now = after(step, now)


def _placed(seen: Observation) -> dict[str, object]:
    """Where everything is, without times and epoch numbers; whether it is protected is for `reprotect` to see."""
    found: dict[str, object] = {
        service: (seen.document(service).active_region, dict(seen.document(service).states),
                  seen.document(service).leaving, dict(seen.document(service).queues_in)) for service in SERVICES}
    return found | {name: (view.server.role if view.server else None, view.origin,
                           [(account.region, account.geo_redundant) for account in view.accounts])
                    for name, view in seen.regions.items()}
