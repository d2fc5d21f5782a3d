"""Control documents are written only as they were last seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from failover.control import Answer, Control
from failover.errors import Conflict
from failover.journal import Journals, parse
from failover.observation import RegionView, Seen
from failover.steps import Applies, Decide
from shipments.standing import Document
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, document


async def look(control: Control, region: str = WEST) -> Seen:
    return await control.look(region, "api", Answer())


async def test_a_decision_lies_in_both_regions_with_each_ones_own_state(control):
    await control.decide(Decide((document("api", WEST),), (EAST, WEST)))
    told = [await (await control.cloud.control(region).download_blob("api.json")).readall() for region in (EAST, WEST)]
    assert [orjson.loads(blob)["state"] for blob in told] == ["standby", "active"], "the apps read their own state"
    assert (await look(control)).document == document("api", WEST), "and what is read is what was written"


async def test_one_operators_own_writes_do_not_stand_in_his_way(control):
    for epoch in (4, 5, 6):
        await control.decide(Decide((document("api", WEST, epoch),), (EAST, WEST)))
    assert (await look(control)).document.epoch == 6, "each write knows the one before"


async def test_a_second_operator_is_told_who_and_since_when_and_overwrites_nothing(control):
    first, second = control, Control(control.cloud)
    await first.decide(Decide((document("api", WEST, by="ann", since="2026-11-22T11:00:00Z"),), (WEST,)))
    with pytest.raises(Conflict, match=r"ann wrote epoch 4 .* at 2026-11-22T11:00:00Z") as told:
        await second.decide(Decide((document("api", EAST, 9, by="bob"),), (WEST,)))
    assert "westus" in str(told.value) and "failover status" in str(told.value), "where, and what to do"
    assert (await look(control)).document.by == "ann", "the first one's decision stands"


async def test_what_was_seen_before_is_the_condition(control):
    await Control(control.cloud).decide(Decide((document("api", EAST),), (WEST,)))
    observed = platforms.healthy().with_region(WEST, controls={"api": await look(control)})
    control.saw(observed)
    await control.decide(Decide((document("api", WEST, 5),), (WEST,)))
    control.saw(observed)
    with pytest.raises(Conflict):
        await control.decide(Decide((document("api", EAST, 6),), (WEST,)))


async def test_an_answer_that_was_lost_on_its_way_is_no_conflict(control):
    written = Decide((document("api", WEST),), (WEST,))
    await Control(control.cloud).decide(written)
    await control.decide(written)
    assert (await look(control)).document == document("api", WEST), "it holds what was to be written"


async def test_a_damaged_document_is_seen_as_such_and_can_be_replaced(control):
    await control.cloud.control(WEST).upload_blob("api.json", b"{}", overwrite=True)
    found = await look(control)
    assert found.document is None and found.etag and "not a control document" in found.problem, found
    control.saw(platforms.healthy().with_region(WEST, controls={"api": found}))
    await control.decide(Decide((document("api", WEST),), (WEST,)))
    assert (await look(control)).document == document("api", WEST), "as its ETag is known"


async def test_a_missing_document_is_nothing_and_the_clock_is_read_all_the_same(control):
    answer = Answer()
    assert await control.look(WEST, "web", answer) == Seen(), "nobody decided yet"
    assert answer.date is not None and abs(datetime.now(UTC) - answer.date) < timedelta(minutes=1), answer.date


def report(**changes: object) -> bytes:
    return orjson.dumps({
        "region": WEST, "walkedAt": datetime.now(UTC).isoformat(), "entries": 3, "unconfirmed": 1,
        "oldestAcceptedAt": "2026-11-22T12:00:00Z", "writesHere": True, "lineage": {"epoch": 2, "region": WEST},
        "epoch": 2, "peerSeen": False, "build": "b1", **changes})


async def test_the_journals_report_is_waited_for(control):
    await control.cloud.control(WEST).upload_blob("worker.journal.json", report(), overwrite=True)
    journals = Journals(control.cloud)
    found = await journals.look(WEST)
    assert (found.entries, found.writes_here, found.peer_seen, found.fresh) == (3, True, False, True), found
    assert await journals.applies(Applies(WEST, found.lineage)), "it applies on that lineage"
    assert await journals.look(EAST) is None, "the other region has no report yet"


@pytest.mark.parametrize("blob", [b"", b"[]", b"{}", report(walkedAt="yesterday"), report(entries=None)])
def test_a_report_that_is_none_is_none(blob):
    assert parse(blob, datetime.now(UTC)) is None, "status then says that there is no report"


def test_documents_survive_their_way_through_a_blob():
    full = document("worker", WEST, leaving=EAST, queues_in={EAST: WEST}, unprotected_since="2026-11-22T11:00:00Z")
    assert Document.parse(full.encode(EAST), "worker", EAST) == replace(full), "what is compared after a lost answer"
    assert RegionView(EAST, True).controls == {}, "a region that was not looked at has none"
