"""Capturing and querying by EPCIS 2.0's REST binding."""

import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from portal.api.gs1 import LARGEST, MOST_EVENTS
from tests.portal.fakes import MemoryShipments

DOCUMENTS = Path(__file__).parents[1] / "shipments" / "epcis" / "documents"
JSON_LD = {"Content-Type": "application/ld+json"}
BODIES = {path.stem: path.read_bytes() for path in sorted(DOCUMENTS.glob("*.json"))}
FIRST = BODIES["cold-chain"]


async def captured(api: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await api.post("/api/capture", content=body, headers=JSON_LD | headers)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_document_is_captured_and_read_back(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await captured(api, body)
    assert answer.status_code == 202 and answer.headers["gs1-epcis-version"] == "2.0.0", answer.text
    job = (await api.get(answer.headers["location"])).json()
    assert job["success"] and not job["running"] and job["captureErrorBehaviour"] == "rollback", job
    found = (await api.get("/api/events", params={"perPage": 100})).json()
    events = found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    for sent, given in zip(json.loads(body)["epcisBody"]["eventList"], events, strict=True):
        assert given | sent == given and given["recordTime"], "it is as it was sent, plus when it was recorded"
    alone = await api.get("/api/events/" + quote(events[0]["eventID"], safe=""))
    found = alone.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert found == events[:1], "each event has an address of its own"


async def test_a_caller_may_wait_for_a_capture(api: httpx.AsyncClient) -> None:
    answer = await captured(api, FIRST, Prefer="wait=3")
    assert answer.status_code == 200 and answer.json()["status"] == "applied", answer.text


async def test_a_document_that_is_refused_names_the_path(api: httpx.AsyncClient, domain: MemoryShipments) -> None:
    document = json.loads(FIRST)
    document["epcisBody"]["eventList"][0]["eventTime"] = "yesterday"
    answer = await api.post("/api/capture", json=document)
    problem = answer.json()
    assert answer.status_code == 400 and problem["type"] == "epcisException:ValidationException", problem
    assert [error["pointer"] for error in problem["errors"]] == ["/epcisBody/eventList/0/eventTime"], problem
    assert not domain.results, "nothing of it was accepted"


async def test_ten_megabytes_are_captured_and_acknowledged_like_anything_else(
        api: httpx.AsyncClient, domain: MemoryShipments) -> None:
    document = json.loads(FIRST)
    one = document["epcisBody"]["eventList"][0] | {"certificationInfo": "https://example.com/" + "c" * 170}
    document["epcisBody"]["eventList"] = [one | {"eventID": f"urn:uuid:{n:08x}-0000-4000-8000-0000000000a1"}
                                          for n in range(MOST_EVENTS)]
    body = json.dumps(document).encode()
    assert 10_000_000 < len(body) <= LARGEST, f"ten megabytes, {len(body)} bytes"
    domain.hold = True
    answer = await captured(api, body)
    assert answer.status_code == 202 and answer.headers["shipment-durability"] == "two-regions", answer.text[:500]
    kept = domain.waiting[0].body
    assert kept and len(kept["document"]["epcisBody"]["eventList"]) == MOST_EVENTS, "the whole of it is one command"


async def test_a_document_larger_than_the_limit_is_refused_before_it_is_read(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/capture", content=b" ", headers=JSON_LD | {"Content-Length": "99999999"})
    assert answer.status_code == 413 and answer.json()["type"].endswith("CaptureLimitExceededException"), answer.text


@pytest.mark.parametrize(("headers", "status"), [
    ({"GS1-EPCIS-Version": "1.2"}, 406), ({"GS1-EPCIS-Min": "2.1"}, 406), ({"GS1-EPCIS-Max": "nonsense"}, 406),
    ({"GS1-EPCIS-Version": "2.0"}, 202), ({"GS1-EPCIS-Min": "2.0.0", "GS1-EPCIS-Max": "3"}, 202),
    ({"GS1-Capture-Error-Behaviour": "proceed"}, 400), ({"GS1-Capture-Error-Behaviour": "rollback"}, 202)])
async def test_versions_and_behaviour_are_negotiated(
        api: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    answer = await captured(api, FIRST, **headers)
    assert answer.status_code == status, answer.text


async def test_what_can_be_captured_can_be_discovered(api: httpx.AsyncClient) -> None:
    answer = await api.options("/api/capture")
    assert answer.status_code == 204 and answer.headers["gs1-epcis-capture-limit"] == "10000", dict(answer.headers)


async def test_pages_lead_from_one_to_the_next(api: httpx.AsyncClient) -> None:
    for body in BODIES.values():
        await captured(api, body)
    seen, where = [], "/api/events?perPage=3&orderDirection=ASC"
    while where:
        answer = await api.get(where)
        page = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        seen += [event["eventID"] for event in page]
        link = answer.headers.get("link", "")
        assert not link or "orderDirection=ASC" in link, "the query goes on as it was asked"
        where = link.partition("<")[2].partition(">")[0]
    assert len(seen) == len(set(seen)) == 8, f"every event once, got {seen}"


@pytest.mark.parametrize("query", [
    "surprise=1", "perPage=0", "perPage=x", "perPage=1000", "GE_eventTime=yesterday", "orderBy=colour",
    "orderDirection=UP", "MATCH_epc=", "EQ_bizStep=a||b"])
async def test_a_query_that_makes_no_sense_is_a_400(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/api/events?{query}")
    assert answer.status_code == 400, f"{query} got {answer.status_code}"
    assert answer.json()["errors"][0]["pointer"] == "/" + query.split("=")[0], "the parameter is named"


@pytest.mark.parametrize("path", ["/api/events", "/api/capture"])
async def test_a_page_that_nobody_was_led_to_is_not_there(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path, params={"nextPageToken": "x"})
    assert answer.status_code == 404 and "nextPageToken" in answer.json()["detail"], answer.text


async def test_an_event_id_with_a_question_mark_may_come_unescaped(api: httpx.AsyncClient) -> None:
    await captured(api, FIRST)
    event_id = json.loads(FIRST)["epcisBody"]["eventList"][1]["eventID"]
    assert (await api.get(f"/api/events/{event_id}")).status_code == 200, "GS1's hash ids have a query of their own"


async def test_capture_jobs_are_listed(api: httpx.AsyncClient) -> None:
    for body in BODIES.values():
        await captured(api, body)
    first = await api.get("/api/capture?perPage=2")
    assert len(first.json()) == 2 and 'rel="next"' in first.headers["link"], first.text
