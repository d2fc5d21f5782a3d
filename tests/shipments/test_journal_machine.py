"""The invariant of the two-region journal, held against the real code in whatever order things happen.

For every command acknowledged `two-regions`, and for each region: the region's own database holds it, of the lineage in
force, or the region's own queues do.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shipments import journal
from shipments.settings import COMMANDS, JOURNAL
from tests.shipments.world import EAST, OTHER, WEST, Operators, Process, World

REGIONS, WHICH = st.sampled_from([EAST, WEST]), st.integers(0, 1)
LARGE = 600
"""Bytes of a message above which its body lies in blobs."""


@pytest.fixture(autouse=True)
def _small_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LARGEST", LARGE)


class Platform(RuleBasedStateMachine):
    """Users, hosts, timers, networks, disasters and operators."""

    without = ""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.without)
        self.operators = Operators(self.world)

    def teardown(self) -> None:
        self.world.close()

    def process(self, region: str, which: int) -> Process:
        return self.world.processes[region][which]

    def busy(self) -> bool:
        return len(self.world.tasks) > 8

    @precondition(lambda self: not self.busy())
    @rule(region=REGIONS, which=WHICH, large=st.booleans())
    def submit(self, region: str, which: int, large: bool) -> None:
        if self.world.sites[region].alive:
            self.world.start(self.world.submit(self.process(region, which), large=large))

    @precondition(lambda self: not self.busy())
    @rule(region=REGIONS, which=WHICH)
    def trigger(self, region: str, which: int) -> None:
        if self.world.sites[region].alive:
            self.world.start(self.world.trigger(self.process(region, which)))

    @precondition(lambda self: not self.busy())
    @rule(region=REGIONS, which=WHICH)
    def walk(self, region: str, which: int) -> None:
        if self.world.sites[region].alive:
            self.world.start(self.process(region, which).walker.walk())

    @precondition(lambda self: self.world.pending)
    @rule(which=st.integers(0, 1 << 16), answered=st.sampled_from([True, True, True, False]))
    def let_happen(self, which: int, answered: bool) -> None:
        self.world.perform(self.world.pending[which % len(self.world.pending)], answered=answered)

    @precondition(lambda self: self.world.pending)
    @rule(most=st.integers(2, 60))
    def let_much_happen(self, most: int) -> None:
        self.world.perform_all(most)

    @rule(region=REGIONS, walks=st.booleans())
    def work_undisturbed(self, region: str, walks: bool) -> None:
        """Most of the time nothing happens in between; this leads deeper."""
        if self.world.sites[region].alive and not self.busy():
            process = self.process(region, 0)
            self.world.tick(4)
            self.world.start(process.walker.walk() if walks else self.world.trigger(process))
            self.world.perform_all(100)

    @rule(seconds=st.sampled_from([0.5, 1, 2, 4, 12, 31]))
    def wait(self, seconds: float) -> None:
        self.world.tick(seconds)

    @rule(most=st.sampled_from([1, 1000]))
    def replicate(self, most: int) -> None:
        self.operators.replicate(most)

    @rule(region=REGIONS, which=WHICH)
    def crash(self, region: str, which: int) -> None:
        if self.world.sites[region].alive:
            self.world.crash(region, which)

    @precondition(lambda self: self.operators.healthy() and self.operators.unprotected_since is None)
    @rule(region=REGIONS)
    def kill(self, region: str) -> None:
        self.world.kill(region)

    @precondition(lambda self: not all(site.alive for site in self.world.sites.values()))
    @rule()
    def revive(self) -> None:
        for region, site in self.world.sites.items():
            if not site.alive:
                self.world.revive(region)

    @rule(connected=st.booleans())
    def partition(self, connected: bool) -> None:
        self.world.connected = connected

    @precondition(lambda self: self.operators.idle() and self.operators.unprotected_since is None
                  and self.world.sites[self.operators.other].alive and self.operators.follows())
    @rule(everywhere=st.booleans())
    def order_failover(self, everywhere: bool) -> None:
        self.operators.decide(self.operators.other, forced=True, everywhere=everywhere)

    @precondition(lambda self: self.operators.promoting and self.world.sites[self.operators.promoting[0]].alive)
    @rule()
    def promote_in_time(self) -> None:
        self.world.tick(4)
        self.operators.promote()

    @precondition(lambda self: self.operators.can_promote())
    @rule()
    def promote(self) -> None:
        self.operators.promote()

    @precondition(lambda self: self.operators.idle() and self.operators.unprotected_since is None
                  and self.operators.healthy() and self.operators.follows())
    @rule()
    def order_switchover(self) -> None:
        self.operators.decide(self.operators.other, forced=False)

    @precondition(lambda self: self.operators.switching and self.operators.healthy())
    @rule()
    def switch(self) -> None:
        self.operators.switch()

    @precondition(lambda self: self.operators.idle() and self.operators.healthy() and not self.operators.follows())
    @rule()
    def rebuild(self) -> None:
        self.operators.rebuild()

    @precondition(lambda self: self.operators.can_protect())
    @rule()
    def declare_protected(self) -> None:
        self.operators.unprotected_since = None

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        assert self.operators.lost() == [], "each region has every command acknowledged two-regions"
        assert self.world.errors == [], "the code raises nothing but what passes"


class ToTheEnd(Platform):
    """The same, and in the end everything comes back and all that was acknowledged is applied."""

    def teardown(self) -> None:
        try:
            settle(self.world, self.operators)
            assert_all_applied(self.world, self.operators)
        finally:
            super().teardown()


def settle(world: World, operators: Operators) -> None:
    """Faults end, operators finish what they began, queues run empty."""
    world.connected = True
    for region, site in world.sites.items():
        if not site.alive:
            world.revive(region)
    if operators.promoting:
        world.tick(4)
        operators.promote()
    if operators.switching:
        operators.switch()
    if not operators.follows():
        operators.rebuild()
    for _ in range(40):
        if not world.pending and not any(site.queues[name] for site in world.sites.values()
                                         for name in (COMMANDS, JOURNAL)):
            return
        round_of_work(world)
        operators.replicate()
        world.tick(11)


def round_of_work(world: World) -> None:
    for region in OTHER:
        process = world.processes[region][0]
        for _ in range(len(world.sites[region].queues[COMMANDS])):
            world.start(world.trigger(process))
        world.perform_all()
        world.start(process.walker.walk())
        world.perform_all()


def assert_all_applied(world: World, operators: Operators) -> None:
    log = world.sites[operators.leader].base.log
    missing = [command for command in world.acked if command not in log]
    assert missing == [], "whatever was acknowledged, in one region or in two, is applied in the end"
    assert len(log) == len(set(log)), "and once"
    left = {(region, name): len(site.queues[name]) for region, site in world.sites.items() for name in site.queues}
    assert not any(left.values()), f"and every queue runs empty: {left}"


@pytest.mark.parametrize("machine", [Platform, ToTheEnd])
def test_no_order_of_events_loses_an_acknowledged_command(machine: type[Platform]) -> None:
    run_state_machine_as_test(machine, settings=settings(
        max_examples=50, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)))


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.close()


def submitted(world: World, region: str) -> None:
    world.start(world.submit(world.processes[region][0], large=False))
    world.perform_all()
    assert [kept for kept, _ in world.acked.values()] == ["two-regions"], "the platform is protected"


def east_dies_with_what_it_took(world: World, operators: Operators) -> None:
    """The command is acknowledged; East dies before anything else happens."""
    submitted(world, EAST)
    fail_over_to_west(world, operators)


def east_dies_before_it_replicates(world: World, operators: Operators) -> None:
    """The command is applied in East, West's walker looks at the journal, then East dies with its last commits."""
    submitted(world, EAST)
    world.start(world.trigger(world.processes[EAST][0]))
    world.perform_all()
    world.tick(4)
    world.start(world.processes[WEST][0].walker.walk())
    world.perform_all()
    fail_over_to_west(world, operators)


def fail_over_to_west(world: World, operators: Operators) -> None:
    world.kill(EAST)
    operators.decide(WEST, forced=True)
    world.tick(4)
    operators.promote()


def the_stale_region_counts(world: World, operators: Operators) -> None:
    """East comes back with its old database, takes part, and is to be rebuilt; then West would be missed."""
    fail_over_to_west(world, operators)
    world.revive(EAST)
    operators.tell(world.sites[EAST])
    world.tick(2)
    submitted(world, WEST)
    for _ in range(3):
        round_of_work(world)
        world.tick(11)


SCENARIOS = {"journal": east_dies_with_what_it_took, "let-go-late": east_dies_before_it_replicates,
             "lineage": the_stale_region_counts}


@pytest.mark.parametrize(("world", "rule"), [(without, name) for name in SCENARIOS for without in ("", name)],
                         indirect=["world"])
def test_each_rule_is_needed(world: World, rule: str) -> None:
    operators = Operators(world)
    SCENARIOS[rule](world, operators)
    if world.without:
        assert operators.lost(), f"without {rule}, this is how a command gets lost"
    else:
        assert operators.lost() == [], "with all of the rules, nothing is"
        settle(world, operators)
        assert_all_applied(world, operators)


@pytest.mark.parametrize("without", ["journal", "let-go-late"])
def test_the_machine_finds_what_a_missing_rule_loses(without: str) -> None:
    machine = type("Without", (Platform,), {"without": without})
    with pytest.raises(AssertionError, match="each region has"):
        run_state_machine_as_test(machine, settings=settings(
            max_examples=250, stateful_step_count=60, deadline=None, derandomize=True, database=None,
            report_multiple_bugs=False, phases=[Phase.generate], suppress_health_check=list(HealthCheck)))
