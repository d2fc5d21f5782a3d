"""Registering, tracking, commenting: what callers get, and what they get for bad input."""

import asyncio

import httpx
import pytest

from tests.portal.fakes import MemoryShipments

ROUTE = {"sender": "Ada", "recipient": "Ben", "origin": "Boston", "destination": "Seattle"}
JSON = {"Content-Type": "application/json"}


def is_problem(response: httpx.Response, status: int) -> dict:
    assert response.status_code == status, f"{status} was due, got {response.status_code}: {response.text[:200]}"
    assert response.headers["content-type"] == "application/problem+json", "errors have RFC 9457's media type"
    body = response.json()
    assert body["status"] == status and body["title"] and body["detail"], "a problem tells status, title and detail"
    assert body["requestId"] == response.headers["x-request-id"], "operators find it by its id"
    return body


async def test_a_shipment_is_registered_and_tracked(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/shipments", json=ROUTE)
    assert answer.status_code == 202, "accepted: durable, not yet applied"
    assert answer.headers["shipment-durability"] == "two-regions", "where it is durable is told"
    tracked = await api.get(answer.headers["location"])
    assert tracked.json()["id"] == answer.json()["id"], "Location leads to the shipment"
    assert tracked.json()["destination"] == "Seattle" and tracked.json()["status"] == "registered", tracked.text


async def test_every_field_of_a_registration_may_be_left_out(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/shipments", json={})
    assert answer.status_code == 202 and answer.json()["id"].startswith("TP"), "it is given a number"


async def test_a_caller_may_wait_for_the_result(api: httpx.AsyncClient, domain: MemoryShipments) -> None:
    answer = await api.post("/api/shipments", json=ROUTE, headers={"Prefer": "respond-async, wait=5"})
    assert answer.status_code == 201, "it was applied while the caller waited"
    assert answer.headers["preference-applied"] == "wait=5", "RFC 7240: what was granted is told"
    domain.hold = True
    late = await api.post("/api/shipments", json=ROUTE, headers={"Prefer": "wait=1"})
    assert late.status_code == 202 and late.json()["status"] == "accepted", "not applied in time: follow it"
    followed = await api.get(late.json()["links"]["command"])
    assert followed.json()["status"] == "accepted", "the command can be followed"


async def test_what_is_durable_is_accepted_even_if_its_result_cannot_be_read(
        api: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.down.add("database")
    answer = await api.post("/api/shipments", json=ROUTE, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202 and answer.headers["shipment-durability"] == "two-regions", answer.text
    assert (await api.get(answer.json()["links"]["command"])).status_code == 503, "what became of it is told later"


async def test_the_same_key_is_the_same_request(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-17"}
    first, again = [await api.post("/api/shipments", json=ROUTE, headers=key) for _ in range(2)]
    assert first.json() == again.json(), "a repeated request is answered as the first one"
    other = await api.post("/api/shipments", json=ROUTE | {"sender": "Eve"}, headers=key)
    assert "Idempotency-Key" in is_problem(other, 409)["detail"], "a key is not to be reused for something else"


@pytest.mark.parametrize("key", ["", "x" * 256, "two words"])
async def test_a_key_that_cannot_be_kept_is_refused(api: httpx.AsyncClient, key: str) -> None:
    is_problem(await api.post("/api/shipments", json=ROUTE, headers={"Idempotency-Key": key}), 400)


async def test_a_comment_shows_on_the_shipment(api: httpx.AsyncClient) -> None:
    number = (await api.post("/api/shipments", json=ROUTE)).json()["id"]
    answer = await api.post(f"/api/shipments/{number}/comments", json={"author": "Ada", "text": "Ring twice"})
    assert answer.status_code == 202, answer.text
    timeline = (await api.get(f"/api/shipments/{number}")).json()["timeline"]
    assert timeline[-1]["text"] == "Ring twice", "it is part of the timeline"


async def test_a_shipment_that_did_not_change_is_not_sent_again(api: httpx.AsyncClient) -> None:
    number = (await api.post("/api/shipments", json=ROUTE)).json()["id"]
    tag = (await api.get(f"/api/shipments/{number}")).headers["etag"]
    same = await api.get(f"/api/shipments/{number}", headers={"If-None-Match": tag})
    assert same.status_code == 304 and not same.content, "the caller has it already"
    await api.post(f"/api/shipments/{number}/comments", json={"author": "Ada", "text": "x"})
    changed = await api.get(f"/api/shipments/{number}", headers={"If-None-Match": tag})
    assert changed.status_code == 200, "a change has another tag"


@pytest.mark.parametrize("path", [
    "/api/shipments/TPUNKNOWN", "/api/shipments/~", "/api/shipments/%00", "/api/commands/x", "/api/capture/x",
    "/api/events/urn:x:y", "/api/events/%00", "/api/nothing", "/"])
async def test_what_is_not_there_is_a_404_problem(api: httpx.AsyncClient, path: str) -> None:
    is_problem(await api.get(path), 404)


@pytest.mark.parametrize(("body", "pointer"), [
    ({"sender": ""}, "/sender"), ({"sender": "x" * 201}, "/sender"), ({"sender": 1}, "/sender"),
    ({"sender": "\0"}, "/sender"), ({"trackingNumber": "a"}, "/trackingNumber"), ({"weightKg": -1}, "/weightKg"),
    ({"sscc": "106141412345678901"}, "/sscc"), ({"expectedAt": "tomorrow"}, "/expectedAt"),
    ({"surprise": 1}, "/surprise")])
async def test_a_bad_field_is_named(api: httpx.AsyncClient, body: dict, pointer: str) -> None:
    problem = is_problem(await api.post("/api/shipments", json=body), 400)
    assert [error["pointer"] for error in problem["errors"]] == [pointer], problem["errors"]


@pytest.mark.parametrize(("content", "headers", "status"), [
    (b"{", JSON, 400), (b"[]", JSON, 400), (b"\xff", JSON, 400), (b'{"a": NaN}', JSON, 400), (b"", JSON, 400),
    (b"[" * 50_000, JSON, 400), (b'{"weightKg": 1e999}', JSON, 400), (b'{"kind": "capture-events"}', JSON, 400),
    (b"{}", {"Content-Type": "text/plain"}, 415), (b"{}", {}, 415),
    (b"{}", {"Content-Type": "application/json; charset=latin-1"}, 415),
    (b"{}", JSON | {"Content-Encoding": "gzip"}, 415), (b" " * 70_000, JSON, 413)], ids=range(13))
async def test_a_body_that_is_not_usable_json_is_a_problem(
        api: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int) -> None:
    is_problem(await api.post("/api/shipments", content=content, headers=headers), status)


async def test_a_body_without_a_declared_length_is_limited_too(api: httpx.AsyncClient) -> None:
    async def endless():
        for _ in range(100):
            yield b" " * 1000

    is_problem(await api.post("/api/shipments", content=endless(), headers=JSON), 413)


async def test_a_wrong_method_is_told_the_right_ones(api: httpx.AsyncClient) -> None:
    answer = await api.delete("/api/capture")
    is_problem(answer, 405)
    assert answer.headers["allow"] == "GET, OPTIONS, POST", "every method of the path is named"


async def test_nothing_is_accepted_while_no_queue_answers(api: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.down.add("queues")
    answer = await api.post("/api/shipments", json=ROUTE)
    is_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0, "when to try again is told"


async def test_the_probe_tells_each_dependency_and_looks_once_a_second(
        api: httpx.AsyncClient, domain: MemoryShipments) -> None:
    answers = await asyncio.gather(*(api.get("/healthz") for _ in range(20)))
    assert domain.looks == 1, f"twenty probes at once are one look, not {domain.looks}"
    body = answers[0].json()
    assert {"service", "state", "epoch", "region", "build", "dependencies"} <= body.keys(), body
    assert {dependency["name"] for dependency in body["dependencies"]} >= {"database", "cache"}, body
    assert (await api.head("/healthz")).status_code == 200, "Front Door probes with HEAD"


@pytest.mark.parametrize(("down", "status"), [("cache", 200), ("blobs", 200), ("database", 503), ("queues", 503)])
async def test_a_dead_cache_is_no_reason_to_move_traffic(
        api: httpx.AsyncClient, domain: MemoryShipments, down: str, status: int) -> None:
    domain.down.add(down)
    assert (await api.get("/healthz")).status_code == status, f"without {down}"


async def test_every_answer_names_who_served_it(api: httpx.AsyncClient) -> None:
    for path in ("/livez", "/api/nothing", "/api/openapi.json"):
        answer = await api.get(path, headers={"X-Azure-Ref": "0abc=="})
        assert answer.headers["x-served-by"] == "eastus/0123456789ab", f"{path} tells region and build"
        assert answer.headers["x-request-id"] == "0abc==", "the edge's id is carried on"
        assert answer.headers["x-content-type-options"] == "nosniff", "security headers are on every answer"
    odd = await api.get("/livez", headers={"X-Request-ID": "<script>"})
    assert "script" not in odd.headers["x-request-id"], "what could do harm in a log is not carried on"


async def test_a_failure_of_ours_is_a_problem_without_its_inner_workings(
        api: httpx.AsyncClient, domain: MemoryShipments, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: str) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(domain, "shipment_json", fail)
    answer = await api.get("/api/shipments/TPSOMETHING")
    assert "secret" not in str(is_problem(answer, 500)), "details go to the log, not to the caller"
