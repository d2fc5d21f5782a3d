"""The journal, rule by rule: what is promised, where it is put, when it leaves, what is told of it."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from shipments import walker
from shipments.commands import AddComment, Command, new_command
from shipments.errors import NotInBoth, Unavailable
from shipments.journal import Journal, promised
from shipments.settings import COMMANDS, CONTROL, JOURNAL
from shipments.standing import FIRST, Document, Lineage, initial
from tests.shipments.world import EAST, WEST, Operators, Process, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def east(world: World) -> Process:
    return world.processes[EAST][0]


@pytest.fixture
def west(world: World) -> Process:
    return world.processes[WEST][0]


def comment(region: str = EAST, key: str = "a") -> Command:
    return new_command(AddComment(shipment="TN-000001", author="Ada", text="Late"), region=region, key=key)


def entries(world: World, region: str, queue: str = JOURNAL) -> int:
    return len(world.sites[region].queues.get(queue, []))


def outcome(world: World, journal: Journal, command: Command) -> object:
    """What `accept` gives or raises, everything let happen at once."""
    found: list[object] = []

    async def accept() -> None:
        try:
            found.append(await journal.accept(command))
        except Unavailable as error:
            found.append(error)

    world.start(accept())
    world.perform_all()
    return found[0]


def walked(world: World, process: Process, times: int = 1) -> None:
    for _ in range(times):
        world.tick(31)
        world.start(process.walker.walk("build-1"))
        world.perform_all()


def test_two_regions_are_promised_on_a_fresh_view_only(world: World, east: Process) -> None:
    assert promised(east.control).durability == "two-regions", "the other region was seen just now"
    world.connected = False
    world.tick(2)
    assert promised(east.control).durability == "two-regions", "operators wait three seconds before they promote"
    world.tick(2)
    promise = promised(east.control)
    assert promise.durability == "one-region" and "last seen" in promise.reason, "what is older counts for nothing"
    assert promise.peer_seen_seconds and promise.peer_seen_seconds >= 3, "whoever asks reads how old"


UNABLE = {
    "is of another epoch": ({EAST}, {"epoch": 1}),
    "is of another lineage": ({EAST}, {"lineage": Lineage(1, EAST)}),
    "has its queues elsewhere": ({EAST, WEST}, {"epoch": 1, "queues_in": {WEST: EAST}}),
}


@pytest.mark.parametrize("what", UNABLE)
def test_a_region_that_could_not_carry_on_is_not_counted(world: World, east: Process, what: str) -> None:
    regions, changes = UNABLE[what]
    for region in regions:
        document = replace(initial("worker", EAST, WEST), **changes)
        world.sites[region].blobs[CONTROL, "worker.json"] = document.encode(region)
    world.tick(1)
    assert promised(east.control).durability == "one-region", f"the other region {what}"


def test_what_one_region_alone_can_take_is_kept_there_twice(world: World, east: Process) -> None:
    world.connected = False
    assert outcome(world, east.journal, comment()) == "one-region", "and the answer says so"
    assert (entries(world, EAST, COMMANDS), entries(world, EAST)) == (1, 1), "to be applied, and to be passed on"


def test_a_decision_during_the_acknowledgement_counts(world: World, east: Process) -> None:
    found: list[str] = []

    async def accept() -> None:
        found.append(await east.journal.accept(comment()))

    world.start(accept())
    for site in world.sites.values():
        site.blobs[CONTROL, "worker.json"] = Document("worker", 1, WEST, {}, lineage=Lineage(1, WEST)).encode(site.name)
    world.tick(1)
    world.perform_all()
    assert found == ["one-region"], "its copy in East may be in a database already that is left behind"


def test_queues_that_failed_are_left_alone_for_a_while(world: World, east: Process) -> None:
    world.sites[WEST].alive = False
    assert outcome(world, east.journal, comment()) == "one-region", "the view is fresh, the queue does not answer"
    world.sites[WEST].alive = True
    world.start(east.journal.accept(comment(key="b")))
    assert {call.site.name for call in world.pending} == {EAST}, "nobody waits for it again"
    world.perform_all()
    world.tick(3)
    assert outcome(world, east.journal, comment(key="c")) == "two-regions", "one request tries it, and finds it well"
    assert east.journal.promise().durability == "two-regions", "which is promised to the next"


@pytest.mark.parametrize("seen", [True, False])
def test_the_strict_policy_refuses_what_cannot_be_kept_twice(world: World, east: Process, seen: bool) -> None:
    strict = Journal(replace(east.control.settings, durability="strict"), east.control, east.queues,
                     east.journal._peer_queues, east.journal._blobs)
    world.sites[WEST].alive = False
    world.tick(0 if seen else 4)
    error = outcome(world, strict, comment())
    assert isinstance(error, NotInBoth) and "strict" in str(error) and error.retry_after, "with the reason and a time"
    assert entries(world, EAST) == 0, "it is not kept in one region instead"


def test_the_region_that_applies_shows_the_others_entries_at_once(world: World, west: Process) -> None:
    outcome(world, west.journal, comment(WEST))
    (entry,) = world.sites[EAST].queues[JOURNAL]
    assert entry.visible_at <= world.loop.now, "the sooner East's walker sees it, the sooner it is applied"


def test_a_message_that_is_none_goes_to_poison_and_leaves(world: World, west: Process) -> None:
    world.start(west.queues.put(JOURNAL, b"{"))
    world.perform_all()
    walked(world, west)
    assert (entries(world, WEST), entries(world, WEST, "journal-poison")) == (0, 1), "operators find it there"


def test_resending_leaves_room(world: World, east: Process, west: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker, "FULL", 3)
    for number in range(5):
        outcome(world, west.journal, comment(WEST, f"{number}"))
    walked(world, east, times=3)
    assert entries(world, EAST, COMMANDS) == 3, "what is not taken yet is not put again and again"


def test_an_entry_is_passed_on_once_with_what_it_refers_to(world: World, east: Process, west: Process) -> None:
    world.connected = False
    photo = AddComment(shipment="TN-000001", author="Ada", text="See", photo="a.jpeg")
    world.sites[WEST].blobs["photos", "a.jpeg"] = b"photo"
    outcome(world, west.journal, new_command(photo, region=WEST))
    world.connected = True
    walked(world, west, times=4)
    assert entries(world, EAST) == 1, "though it was looked at more often"
    assert world.sites[EAST].blobs["photos", "a.jpeg"] == b"photo", "the photo is there, too"


def test_a_lineage_begins_only_where_operators_decided(world: World, east: Process, west: Process) -> None:
    operators = Operators(world)
    operators.decide(WEST, forced=True)
    world.tick(4)
    for process in (east, west):
        world.start(process.walker.walk())
        world.perform_all()
    assert [site.base.lineage for site in world.sites.values()] == [FIRST, FIRST], "West is not promoted yet"
    operators.promote()
    world.tick(2)
    for process in (east, west):
        world.start(process.walker.walk())
        world.perform_all()
    assert [world.sites[name].base.lineage for name in (EAST, WEST)] == [FIRST, Lineage(1, WEST)], "and East never is"


def test_a_command_moves_on_while_the_own_database_is_away_and_another_region_leads(world: World) -> None:
    Operators(world).decide(WEST, forced=False)
    world.tick(2)
    world.start(world.trigger(world.processes[EAST][0]))
    world.perform_all()
    command = comment()
    world.start(world.processes[EAST][0].queues.put(COMMANDS, command.encode()))
    world.perform_all()
    world.sites[EAST].base.in_recovery = True
    world.start(world.trigger(world.processes[EAST][0]))
    world.perform_all()
    assert (entries(world, EAST, COMMANDS), entries(world, EAST)) == (0, 1), "the journal brings it to the leader"


def test_the_report_and_the_metric_tell_the_age_of_the_oldest_entry(
    world: World, west: Process, caplog: pytest.LogCaptureFixture
) -> None:
    outcome(world, west.journal, comment(WEST))
    world.start(world.trigger(west))
    world.perform_all()
    with caplog.at_level(logging.INFO, "shipments.report"):
        walked(world, west, times=2)
    told = orjson.loads(world.sites[WEST].blobs[CONTROL, "worker.journal.json"])
    assert (told["entries"], told["unconfirmed"], told["earlierEpochs"]) == (1, 1, 0), "what is left"
    assert told["oldestAcceptedAt"] and told["walkedAt"] and told["build"] == "build-1", "since when, and as of when"
    assert any(line.startswith("metric journal region=westus oldest_seconds=") for line in caplog.messages), (
        "alerts go by the log"
    )
