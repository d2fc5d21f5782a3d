"""The worker: what becomes of every kind of message."""

from dataclasses import replace
from unittest.mock import AsyncMock
from uuid import uuid4

import orjson
import pytest

from shipments.apply import refuse
from shipments.commands import AddComment, CaptureEvents, RegisterShipment
from shipments.database import Connection
from shipments.errors import Refusal, Unavailable
from shipments.service import Shipments
from shipments.standing import FIRST
from shipments.worker import Worker
from tests.shipments.conftest import Platform, redis_of
from tests.shipments.documents import SSCC, document, event
from tests.shipments.servers import Identity, Postgres


def registration(**changes: object) -> RegisterShipment:
    fields = {
        "tracking_number": "TN-000001",
        "sender": "Ada",
        "recipient": "Ben",
        "origin": "Boston",
        "destination": "San José",
    }
    return RegisterShipment(**{**fields, **changes})


async def work_off(worker: Worker, platform: Platform) -> int:
    """What the queue trigger does with what is in `commands`."""
    messages = await platform.queue("commands").take()
    for message in messages:
        await worker.command(message)
    return len(messages)


async def test_a_registered_shipment_can_be_tracked(worker: Worker, shipments: Shipments, clean: Platform) -> None:
    accepted = await shipments.submit(shipments.command(registration()))
    pending = await shipments.result(accepted.id)
    assert pending and pending.status == "accepted", "it is durable, and nobody has applied it yet"
    await work_off(worker, clean)
    found = await shipments.shipment("tn-000001")
    assert found is not None, "the registration was applied"
    assert found.status == "registered", "nothing else is known of it"
    result = await shipments.result(accepted.id)
    assert result and result.status == "applied", "whoever submitted it can see that it was applied"
    assert result.shipment == "TN-000001", "the result leads to the shipment"


async def test_a_message_applied_twice_counts_once(worker: Worker, shipments: Shipments, clean: Platform) -> None:
    command = shipments.command(AddComment(shipment="TN-000001", author="Ada", text="Fragile"))
    await worker.command(command.encode())
    await worker.command(command.encode())
    found = await shipments.shipment("TN-000001")
    assert found and len(found.timeline) == 1, "the same command is the same event"
    assert len(await clean.rows("select from outbox")) == 1, "its subscriber hears of it once"


async def test_a_change_is_seen_at_once_though_the_answer_was_cached(worker: Worker, shipments: Shipments) -> None:
    await worker.command(shipments.command(registration()).encode())
    assert len((await shipments.shipment("TN-000001")).timeline) == 1, "the answer is in the cache now"
    await worker.command(shipments.command(AddComment(shipment="TN-000001", author="Ada", text="Late")).encode())
    assert len((await shipments.shipment("TN-000001")).timeline) == 2, "applying marked the cached answer as old"


async def test_events_of_an_sscc_belong_to_the_tracking_number_registered_with_it(
    worker: Worker, shipments: Shipments
) -> None:
    assert await shipments.shipment("TN-000001") is None, "nobody has heard of it (and the cache keeps that)"
    for body in (CaptureEvents(document=document(event(bizStep="receiving"))), registration(sscc=SSCC)):
        await worker.command(shipments.command(body).encode())
    by_number, by_sscc = await shipments.shipment("TN-000001"), await shipments.shipment(SSCC)
    assert by_number == by_sscc, "both names lead to one shipment"
    assert by_number.status == "delivered", "the event that came before the registration counts"
    await worker.command(
        shipments.command(
            CaptureEvents(document=document(event(bizStep="holding", eventTime="2026-03-02T10:00:00Z")))
        ).encode()
    )
    assert (await shipments.shipment("TN-000001")).status == "held", (
        "an event under one name refreshes the other one's answer"
    )


WRONG = {
    "not JSON": (b"{", "not JSON"),
    "not UTF-8": (b"\xff\xfe", "not JSON"),
    "not an object": (b"[1]", "valid dictionary"),
    "unknown command": (b'{"kind": "sell-shipment"}', "unknown command 'sell-shipment'"),
    "no id": (b'{"kind": "add-comment", "body": {}}', "/id"),
    "id that is no UUID": (
        orjson.dumps(
            {
                "kind": "add-comment",
                "id": "1; drop table",
                "region": "eastus",
                "acceptedAt": "2026-01-01T00:00:00Z",
                "body": {},
            }
        ),
        "/id",
    ),
    "oversized": (b"x" * 60_000, "not JSON"),
    "a body nested too deeply": (b'{"kind": "capture-events", "id": "0199c0de-0000-7000-8000-000000000001", "region": '
                                 b'"eastus", "acceptedAt": "2026-01-01T00:00:00Z", "body": {"document": '
                                 + b'{"a":' * 300 + b"1" + b"}" * 302, "cannot be written"),
    "a region that is none": (b'{"kind": "add-comment", "id": "0199c0de-0000-7000-8000-000000000001", "region": '
                              rb'"east\u0000us", "acceptedAt": "2026-01-01T00:00:00Z", "body": {}}', "/region"),
    "a body in no blob": (b'{"kind": "add-comment", "id": "0199c0de-0000-7000-8000-000000000001", "region": "eastus", '
                          b'"acceptedAt": "2026-01-01T00:00:00Z", "bodyRef": ""}', "/bodyRef"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_message_goes_to_poison_with_its_reason(what: str, worker: Worker, clean: Platform) -> None:
    message, reason = WRONG[what]
    await worker.command(message)
    (told,) = await clean.queue("commands-poison").json()
    assert reason in told["reason"], "whoever looks into the poison queue reads why"
    kept = told.get("message", "").encode() or await worker.blobs.get(told["messageRef"])
    assert kept == message, "the message is kept whole"


def envelope(**changes: object) -> bytes:
    whole = {
        "id": "0199c0de-0000-7000-8000-000000000001",
        "kind": "capture-events",
        "epoch": 0,
        "region": "eastus",
        "acceptedAt": "2026-01-01T00:00:00Z",
        **changes,
    }
    return orjson.dumps(whole)


REFUSED = {
    "a body that is nowhere": {"bodyRef": "nowhere.json"},
    "a document that is none": {"body": {"document": {"type": "EPCISDocument"}}},
    "a comment without text": {"kind": "add-comment", "body": {"shipment": "TN-000001", "author": "Ada"}},
    "a text that PostgreSQL cannot keep": {
        "kind": "add-comment",
        "body": {"shipment": "TN-000001", "author": "Ada", "text": "a\x00b"},
    },
    "a field whose name PostgreSQL cannot keep": {
        "kind": "add-comment",
        "body": {"shipment": "TN-000001", "author": "Ada", "text": "a", "a\x00b": 1},
    },
    "an SSCC with a wrong check digit": {
        "kind": "register-shipment",
        "body": {"sscc": "106141412345678901", "sender": "A", "recipient": "B", "origin": "C", "destination": "D"},
    },
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_refused_command_tells_its_sender_why(
    what: str, worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    await worker.command(envelope(**REFUSED[what]))
    assert len(await clean.queue("commands-poison").json()) == 1, "the message is kept for operators"
    result = await shipments.result("0199c0de-0000-7000-8000-000000000001")
    assert result and result.status == "refused" and result.errors, "the sender reads the same reasons"


async def test_a_refused_capture_stores_none_of_its_events(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    command = shipments.command(CaptureEvents(document=document(event(), event(action="LOSE"))))
    await worker.command(command.encode())
    job = await shipments.capture_job(command.id)
    assert job and not job.running and not job.success, "the job ended, and not well"
    assert job.errors[0].pointer.startswith("/epcisBody/eventList/1"), "its errors lead to the wrong event"
    assert await clean.rows("select from epcis_events") == [], "the right event is rolled back with the wrong one"


async def test_a_large_body_travels_by_blob_in_both_regions(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    events = [event(eventTime=f"2026-03-01T10:00:{second:02}.{part:03}Z") for second in range(10) for part in range(40)]
    command = shipments.command(CaptureEvents(document=document(*events)))
    assert len(command.encode()) > 48 * 1024, "the document is too large for a message"
    await shipments.submit(command)
    peer = Shipments.connect(replace(clean.settings, blobs=clean.settings.peer_blobs), Identity())
    assert await peer.blobs.find(f"{command.id}-{command.digest}.json", "bodies"), "the other region has the body too"
    await peer.blobs.close()
    await work_off(worker, clean)
    job = await shipments.capture_job(command.id)
    assert job and job.success, "the body was found and applied"
    assert await clean.rows("select count(*) from epcis_events") == [(400,)], "every event is stored"


async def test_a_second_request_with_the_id_of_a_large_one_cannot_replace_its_body(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    events = [event(eventTime=f"2026-03-01T10:00:{second:02}.{part:03}Z") for second in range(10) for part in range(40)]
    first, second = (
        shipments.command(CaptureEvents(document=document(*events, event(bizStep=step))), key="one key")
        for step in ("holding", "receiving")
    )
    await shipments.submit(first)
    async with redis_of(clean) as redis:
        await redis.flushall()  # so that nobody notices that the key was used before
    await shipments.submit(second)
    await work_off(worker, clean)
    stored = await clean.rows("select biz_step from epcis_events where biz_step in ('holding', 'receiving')")
    assert stored == [("holding",)], "what was acknowledged first is applied as it was sent"
    assert len(await clean.queue("commands-poison").take()) == 1, "the other one is kept for operators"


async def test_a_refusal_that_is_tried_again_poisons_once(
    worker: Worker, clean: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, run = envelope(**REFUSED["a document that is none"]), worker.writer.run
    away = AsyncMock(side_effect=Unavailable("the database"))
    monkeypatch.setattr(worker.writer, "run", away)
    with pytest.raises(Unavailable):
        await worker.command(message)
    monkeypatch.setattr(worker.writer, "run", run)
    await worker.command(message)
    assert away.await_count == 1, "the database was away the first time"
    assert len(await clean.queue("commands-poison").take()) == 1, "operators find the message once"


async def test_an_identifier_too_long_for_an_index_is_refused_not_tried_for_a_day(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    noise = "".join(uuid4().hex for _ in range(1000))
    command = shipments.command(CaptureEvents(document=document(event(eventID=f"urn:x:{noise}"))))
    await shipments.submit(command)
    await work_off(worker, clean)
    job = await shipments.capture_job(command.id)
    assert job and not job.success and not job.running, "it can never be stored"
    assert len(await clean.queue("commands-poison").take()) == 1, "operators have the message"


async def test_a_key_used_for_two_requests_is_refused(worker: Worker, shipments: Shipments, clean: Platform) -> None:
    first, second = (shipments.command(registration(sender=sender), key="k") for sender in ("Ada", "Ben"))
    await shipments.submit(first)
    with pytest.raises(Refusal, match="another request"):
        await shipments.submit(second)
    await shipments.submit(first)
    await work_off(worker, clean)
    assert await clean.queue("commands-poison").take() == [], "a repeated request is no mistake"
    await worker.command(second.encode())
    (told,) = await clean.queue("commands-poison").json()
    assert "another command" in told["reason"], "accepted elsewhere, it is kept for operators instead of dropped"
    assert (await shipments.shipment("TN-000001")).sender == "Ada", "the first one holds"


async def test_a_database_that_is_away_is_waited_for(clean: Platform, shipments: Shipments) -> None:
    away = replace(clean.settings, database_host="localhost:1", database_peer_host="localhost:1")
    async with Worker.connect(away, Identity()) as worker:
        with pytest.raises(Unavailable, match="database"):
            await worker.command(shipments.command(registration()).encode())
    assert await clean.queue("commands-poison").take() == [], "what passes is not poison"


async def test_applying_may_take_longer_than_anybody_waits_for_an_answer(worker: Worker, shipments: Shipments) -> None:
    async def limit(connection: Connection) -> str:
        return (await (await connection.execute("show statement_timeout")).fetchone())[0]

    assert await shipments.reader.run(limit) == "10s", "a user waits"
    assert await worker.writer.run(limit) == "2min", "else the largest document, on a busy server, is never applied"


async def test_what_is_not_migrated_yet_is_waited_for(shipments: Shipments) -> None:
    for missing in ("select one from applied_commands", "select one from no_table"):
        with pytest.raises(Unavailable):
            await shipments.reader.run(lambda connection, sql=missing: connection.execute(sql))


async def test_a_server_that_is_no_longer_the_writer_is_waited_for(worker: Worker) -> None:
    with pytest.raises(Unavailable):
        async with worker.own.transaction() as connection:  # whose connections do not write
            await connection.execute("insert into outbox (subscriber, payload) values ('s', '{}')")


async def test_a_dead_cache_only_makes_it_slower(clean: Platform) -> None:
    dead = replace(clean.settings, redis_host="localhost:1")
    async with Worker.connect(dead, Identity()) as worker, Shipments.connect(dead, Identity()) as shipments:
        command = shipments.command(registration())
        await shipments.submit(command)
        await worker.command(command.encode())
        assert (await shipments.shipment("TN-000001")).id == "TN-000001", "read from the database"
        assert (await shipments.result(command.id)).status == "applied", "read from the database"


async def test_a_region_whose_server_is_the_standby_keeps_commands_in_its_journal(
    clean: Platform, shipments: Shipments
) -> None:
    standby = Postgres(clean.home, "west", replica_of=clean.database).start()
    settings = replace(
        clean.settings,
        region="westus",
        peer_region="eastus",
        queues=clean.settings.peer_queues,
        peer_queues=clean.settings.queues,
        database_host=standby.host,
    )
    message = shipments.command(registration()).encode()
    try:
        async with Worker.connect(settings, Identity()) as west:
            assert not await west.writes_here(), "its own server follows the other region's"
            await west.command(message)
            assert await west.publish() == 0, "the outbox is the writer's affair"
            assert await west.queues.length("journal") == 1, "its walker sees to it that the writer's region has it"
            await west.told("statistics", b'{"outbox": [1]}')
        assert await clean.rows("select from applied_commands") == [], "and nobody applied it"
    finally:
        standby.process.stop()


async def test_the_worker_finds_its_way_back_after_a_restart_of_the_database(
    clean: Platform, shipments: Shipments
) -> None:
    async with Worker.connect(clean.settings, Identity()) as worker:
        await worker.command(shipments.command(registration()).encode())
        clean.database.process.stop()
        with pytest.raises(Unavailable):
            await worker.command(shipments.command(registration(tracking_number="TN-000002")).encode())
        clean.database.start()
        await worker.command(shipments.command(registration(tracking_number="TN-000003")).encode())
    assert await shipments.shipment("TN-000003"), "applied on a new connection, without a restart of the worker"


async def test_a_refusal_is_kept_once(worker: Worker, shipments: Shipments, clean: Platform) -> None:
    command = shipments.command(registration())
    await worker.command(command.encode())
    async with await clean.connect() as connection:
        await refuse(command, Refusal("too late"), FIRST, connection)
    result = await shipments.result(command.id)
    assert result and result.status == "applied", "what was applied stays applied"
