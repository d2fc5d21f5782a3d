"""Captured events: read back unchanged, found by the standard's filters, in pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from shipments.commands import CaptureEvents
from shipments.epcis import Refused, query_document
from shipments.eventquery import EventQuery
from shipments.service import Shipments
from shipments.worker import Worker
from tests.shipments.documents import CONTEXT, SSCC_URN, document, event

Find = Callable[..., Any]

EVENTS = {
    "object": event(
        eventID="urn:e:1",
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:po:1"}],
        eventTime="2026-03-01T10:00:00Z",
    ),
    "receive": event(
        eventID="urn:e:2",
        bizStep="receiving",
        disposition="in_progress",
        action="ADD",
        bizLocation={"id": "urn:epc:id:sgln:0614141.00888.0"},
        eventTime="2026-03-02T12:00:00.000+02:00",
        quantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200.5, "uom": "KGM"}],
    ),
    "pack": {
        "type": "AggregationEvent",
        "eventID": "urn:e:3",
        "action": "ADD",
        "bizStep": "packing",
        "eventTime": "2026-03-03T10:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "parentID": SSCC_URN,
        "childEPCs": ["urn:epc:id:sgtin:0614141.107346.2017"],
    },
    "bake": {
        "type": "TransformationEvent",
        "eventID": "urn:e:4",
        "eventTime": "2026-03-04T10:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "inputEPCList": ["urn:epc:id:sgtin:4012345.011122.25"],
        "outputQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.077889.26"}],
    },
}


@pytest.fixture
async def find(worker: Worker, shipments: Shipments) -> Find:
    await worker.command(shipments.command(CaptureEvents(document=document(*EVENTS.values()))).encode())

    async def find(**parameters: str) -> list[str]:
        page = await shipments.events(EventQuery.parse(parameters.items()))
        return [found["eventID"].removeprefix("urn:e:") for found in page.events]

    return find


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, "4321"),
        ({"orderDirection": "ASC"}, "1234"),
        ({"orderDirection": "asc", "orderBy": "recordTime"}, None),
        ({"eventType": "ObjectEvent"}, "21"),
        ({"eventType": "AggregationEvent|TransformationEvent"}, "43"),
        ({"EQ_action": "ADD"}, "32"),
        ({"EQ_bizStep": "shipping"}, "1"),
        ({"EQ_bizStep": "shipping|packing"}, "31"),
        ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}, "1"),
        ({"EQ_disposition": "in_progress"}, "2"),
        ({"EQ_readPoint": "urn:epc:id:sgln:0614141.00777.0"}, "21"),
        ({"EQ_bizLocation": "urn:epc:id:sgln:0614141.00888.0"}, "2"),
        ({"GE_eventTime": "2026-03-02T10:00:00Z"}, "432"),
        ({"LT_eventTime": "2026-03-02T10:00:00Z"}, "1"),
        ({"GE_recordTime": "2030-01-01T00:00:00Z"}, ""),
        ({"LT_recordTime": "2100-01-01T00:00:00Z"}, "4321"),
        ({"MATCH_epc": SSCC_URN}, "21"),
        ({"MATCH_parentID": SSCC_URN}, "3"),
        ({"MATCH_anyEPC": SSCC_URN}, "321"),
        ({"MATCH_epc": "urn:epc:id:sgtin:0614141.107346.2017"}, "3"),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.107346.*"}, "3"),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.1073_6.*"}, ""),
        ({"MATCH_inputEPC": "urn:epc:id:sgtin:4012345.011122.25"}, "4"),
        ({"MATCH_outputEPC": "urn:epc:id:sgtin:4012345.011122.25"}, ""),
        ({"MATCH_epcClass": "urn:epc:class:lgtin:4012345.012345.998877"}, "2"),
        ({"MATCH_outputEPCClass": "urn:epc:class:lgtin:4012345.077889.26"}, "4"),
        ({"MATCH_anyEPCClass": "urn:epc:class:lgtin:4012345.077889.26"}, "4"),
        ({"EQ_bizTransaction_po": "urn:po:1"}, "1"),
        ({"EQ_bizTransaction_inv": "urn:po:1"}, ""),
        ({"EQ_eventID": "urn:e:3"}, "3"),
        ({"MATCH_anyEPC": SSCC_URN, "EQ_bizStep": "receiving"}, "2"),
        ({"EQ_bizStep": "shipping", "bizStep": "packing"}, ""),
        ({"EQ_bizStep": "'; drop table epcis_events --"}, ""),
    ],
)
async def test_the_standards_filters_find_what_they_should(
    find: Find, parameters: dict[str, str], found: str | None
) -> None:
    names = "".join(await find(**parameters))
    assert names == found or (found is None and sorted(names) == list("1234")), "exactly these, in this order"


async def test_an_event_is_read_back_as_it_was_captured(find: Find, shipments: Shipments) -> None:
    for whole in EVENTS.values():
        page = await shipments.events(EventQuery.parse([("eventID", whole["eventID"])]))
        (found,) = page.events
        assert datetime.now(UTC) - datetime.fromisoformat(found.pop("recordTime")) < timedelta(minutes=1), "set by us"
        assert found == whole, "nothing else was added, left out or changed"


async def test_numbers_come_back_as_they_were_however_large(worker: Worker, shipments: Shipments) -> None:
    numbers = [1e20, 1e300, 2**64 - 1, -(2**63), 0.1, 1e-300]
    large = document(event(eventID="urn:e:large", **{"ext:numbers": numbers}))
    await worker.command(shipments.command(CaptureEvents(document=large)).encode())
    (found,) = (await shipments.events(EventQuery())).events
    assert found["ext:numbers"] == numbers, "a number that jsonb spells in 300 digits makes no answer fail"


async def test_prefixes_of_extensions_keep_their_meaning(worker: Worker, shipments: Shipments) -> None:
    for place, namespace in enumerate(("http://one.example/", "http://two.example/")):
        await worker.command(
            shipments.command(
                CaptureEvents(
                    document=document(
                        event(**{"ext:note": "x", "eventTime": f"2026-03-01T10:00:0{place}Z"}),
                        context=[CONTEXT, {"ext": namespace}],
                    )
                )
            ).encode()
        )
    whole = query_document((await shipments.events(EventQuery())).events)
    own = [found.get("@context") for found in whole["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
    assert whole["@context"][1] == {"ext": "http://two.example/"} and own == [None, [{"ext": "http://one.example/"}]], (
        "the second meaning of the prefix stays with its event"
    )


async def test_pages_follow_each_other_without_gap_or_overlap(worker: Worker, shipments: Shipments) -> None:
    same_time = [event(eventID=f"urn:e:{number}") for number in range(25)]
    await worker.command(shipments.command(CaptureEvents(document=document(*same_time))).encode())
    for order in ("eventTime", "recordTime"):
        for direction in ("ASC", "DESC"):
            seen, token = [], None
            while True:
                parameters = [("perPage", "10"), ("orderBy", order), ("orderDirection", direction)]
                page = await shipments.events(
                    EventQuery.parse([*parameters, *([("nextPageToken", token)] if token else [])])
                )
                seen += [found["eventID"] for found in page.events]
                if (token := page.next_page_token) is None:
                    break
            assert len(seen) == len(set(seen)) == 25, (
                "events of the same time are neither lost nor repeated between pages"
            )


@pytest.mark.parametrize(
    "parameters",
    [
        {"perPage": "0"},
        {"perPage": "101"},
        {"perPage": "x"},
        {"perPage": "٣"},
        {"GE_eventTime": "yesterday"},
        {"orderBy": "size"},
        {"orderDirection": "up"},
        {"EQ_color": "red"},
        {"EQ_bizStep": ""},
        {"EQ_bizStep": "a||b"},
        {"EQ_bizStep": "a\x00"},
        {"MATCH_epc": "|".join(["urn:x:y"] * 101)},
    ],
)
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        EventQuery.parse(parameters.items())
    assert refused.value.problems[0].pointer == f"/{next(iter(parameters))}", "the caller learns which one"


@pytest.mark.parametrize("token", ["", "x", "%%%", "W10", "WyJldmVudF90aW1lIiwgMSwgMl0", "bnVsbA", "ü"])
async def test_a_token_that_is_not_ours_is_refused(token: str, shipments: Shipments) -> None:
    with pytest.raises(Refused, match="nextPageToken"):
        await shipments.events(EventQuery.parse([("nextPageToken", token)]))
    with pytest.raises(Refused, match="nextPageToken"):
        await shipments.capture_jobs(page_token=token)


async def test_the_same_event_captured_twice_is_one(worker: Worker, shipments: Shipments) -> None:
    for _ in range(2):
        await worker.command(shipments.command(CaptureEvents(document=document(event(eventID="urn:e:1")))).encode())
    assert len((await shipments.events(EventQuery())).events) == 1, "two captures, one event"
    assert len((await shipments.shipment(SSCC_URN)).timeline) == 1, "and it happened to the shipment once"


async def test_capture_jobs_are_listed_newest_first_in_pages(worker: Worker, shipments: Shipments) -> None:
    commands = [shipments.command(CaptureEvents(document=document(event(eventID=f"urn:e:{n}")))) for n in range(5)]
    for command in commands:
        await worker.command(command.encode())
    first = await shipments.capture_jobs(per_page=3)
    second = await shipments.capture_jobs(per_page=3, page_token=first.next_page_token)
    listed = [job.capture_id for job in (*first.jobs, *second.jobs)]
    assert listed == [command.id for command in reversed(commands)], "each once"
    assert second.next_page_token is None, "there is no third page"


async def test_the_list_of_capture_jobs_is_kept_until_another_one_ends(
    worker: Worker, shipments: Shipments, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (shipments.command(CaptureEvents(document=document(event(action=a)))) for a in ("ADD", "LOSE"))
    await worker.command(first.encode())
    listed = await shipments.capture_jobs()
    with monkeypatch.context() as patch:
        patch.setattr(shipments.reader, "run", AsyncMock(side_effect=AssertionError("the database was asked again")))
        assert await shipments.capture_jobs() == listed, "the cache has the same answer"
    await worker.command(second.encode())
    ended = (await shipments.capture_jobs()).jobs
    assert [job.success for job in ended] == [False, True], "a refused one is listed at once, too"


async def test_a_query_sees_what_was_captured_after_it_was_cached(
    find: Find, worker: Worker, shipments: Shipments
) -> None:
    assert len(await find()) == 4, "the answer is in the cache now"
    await worker.command(shipments.command(CaptureEvents(document=document(event(eventID="urn:e:9")))).encode())
    assert len(await find()) == 5, "the capture made older answers of this region unreachable"
