"""The whole platform on the twin, as its users meet it: through the edge, in both regions, by the same commands."""

import json

import httpx
import psutil

from tests.e2e.conftest import Platform
from tests.shipments.servers import eventually

ANNOUNCED = {"sender": "Acme", "recipient": "Bo Jensen", "origin": "Boston", "destination": "Seattle"}


def document(sscc: str, step: str, at: str) -> dict:
    """An EPCIS 2.0 document with one observation of a logistic unit."""
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": at,
        "epcisBody": {"eventList": [{
            "type": "ObjectEvent", "action": "OBSERVE", "bizStep": step, "disposition": "in_transit",
            "epcList": [sscc], "eventTime": at, "eventTimeZoneOffset": "+00:00",
            "readPoint": {"id": "urn:epc:id:sgln:0614141.07346.1234"}}]},
    }


def test_endpoints_file_has_the_agreed_shape(platform: Platform) -> None:
    found = platform.endpoints
    assert found["portal"].startswith("http://localhost:"), "the edge is on this machine"
    assert found["api"] == f"{found['portal']}/api", "the API is behind the same edge"
    assert found["arm"].startswith("https://localhost:"), "Resource Manager speaks TLS"
    assert set(found["regions"]) == {"eastus", "westus"}, "both regions are told"
    for region, urls in found["regions"].items():
        answer = httpx.get(f"{urls['web']}/healthz", timeout=10)
        assert answer.json()["region"] == region, f"the {region} URL reaches that region"
        assert httpx.get(f"{urls['api']}/state", timeout=10).json()["region"] == region, f"and so does {region}'s API"


def test_a_shipment_is_registered_moved_by_epcis_and_tracked_through_the_edge(platform: Platform) -> None:
    made = platform.register(sscc="106141412345678908", **ANNOUNCED)
    answer = httpx.post(f"{platform.api}/capture", timeout=40, headers={"Prefer": "wait=30"}, json=document(
        "urn:epc:id:sscc:0614141.1234567890", "departing", "2026-03-01T10:00:00Z"))
    assert answer.status_code in (200, 201, 202), f"the document is taken: {answer.text}"
    job = httpx.get(httpx.URL(platform.api).join(answer.headers["Location"]), timeout=10).json()
    assert job["success"] and not job["running"], f"the capture job is finished: {job}"
    url = f"{platform.api}/shipments/{made['id']}"
    eventually(lambda: any(entry.get("bizStep") for entry in httpx.get(url, timeout=10).json()["timeline"]),
               "the captured event is on the shipment's timeline")


def test_any_region_serves_the_next_request(platform: Platform) -> None:
    regions = platform.endpoints["regions"]
    body = {**ANNOUNCED, "description": "accepted in the standby"}
    accepted = httpx.post(f"{regions['westus']['api']}/shipments", json=body, timeout=20)
    assert accepted.status_code == 202, f"the standby accepts writes: {accepted.text}"
    path = accepted.json()["id"]
    for region, urls in regions.items():
        eventually(lambda url=f"{urls['api']}/shipments/{path}": httpx.get(url, timeout=10).status_code == 200,
                   f"{region} shows what the standby accepted")


def test_a_comment_written_by_api_is_read_in_the_portal(platform: Platform) -> None:
    made = platform.register(**ANNOUNCED)
    answer = httpx.post(f"{platform.api}/shipments/{made['id']}/comments", timeout=40,
                        headers={"Prefer": "wait=30"}, json={"author": "Kim", "text": "at the door"})
    assert answer.status_code in (200, 201), f"the comment is applied within 30 s: {answer.text}"
    page = f"{platform.endpoints['portal']}/shipments/{made['id']}"
    eventually(lambda: "at the door" in httpx.get(page, timeout=10).text, "the portal shows the comment")
    shown = httpx.get(page, timeout=10).text
    assert "Served from <strong>East US</strong>" in shown, "the page says which region served it"


def test_a_large_document_travels_by_claim_check(platform: Platform) -> None:
    sscc = "urn:epc:id:sscc:0614141.1234567891"
    large = document(sscc, "arriving", "2026-03-02T10:00:00Z")
    large["epcisBody"]["eventList"][0]["example:note"] = "x" * 200_000
    large["@context"].append({"example": "https://ns.example.com/epcis/"})
    answer = httpx.post(f"{platform.api}/capture", json=large, headers={"Prefer": "wait=30"}, timeout=40)
    assert answer.status_code in (200, 201, 202), f"200 kB is accepted: {answer.status_code} {answer.text[:300]}"
    page = httpx.get(f"{platform.api}/events", params={"MATCH_epc": sscc}, timeout=10).json()
    events = page["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [len(event["example:note"]) for event in events] == [200_000], "the whole document was stored"


def test_static_content_comes_through_the_edge(platform: Platform) -> None:
    answer = httpx.get(f"{platform.endpoints['portal']}/static/portal.css", timeout=10)
    assert answer.status_code == 200, f"the style sheet is served: {answer.text[:200]}"
    assert answer.headers["content-type"].startswith("text/css"), "as a style sheet"


def test_an_app_is_reached_through_the_edge_only(platform: Platform) -> None:
    status = platform.status()
    hosts = [name for name in status["ports"] if f"{name}-scm" in status["ports"]]
    assert hosts, "every app has its own host"
    for host in hosts:
        answer = httpx.get(f"https://localhost:{status['ports'][host]}/livez", verify=False, timeout=10)
        assert answer.status_code == 403, f"{host} refuses who does not come through this Front Door"


def test_status_names_processes_ports_builds_and_stays_within_memory(platform: Platform) -> None:
    status = platform.status()
    assert not status["problems"] and not status["stale"], "all is well after `up`"
    assert all(row["state"] == "ready" for row in status["processes"]), "every process is ready"
    builds = {row["build"] for row in status["processes"] if row["service"] in ("web", "api")}
    assert len(builds) == 1, "web and API run one build in both regions"
    assert status["memory_mib"] <= 2560, "the whole twin takes at most 2.5 GiB"


def test_a_second_up_changes_and_restarts_nothing(platform: Platform) -> None:
    before = {row["name"]: row["pid"] for row in platform.status()["processes"]}
    done = platform.run("up")
    assert done.returncode == 0, f"up is safe to repeat: {done.stderr}"
    assert "create" not in done.stdout and "update" not in done.stdout, f"nothing changes: {done.stdout}"
    assert {row["name"]: row["pid"] for row in platform.status()["processes"]} == before, "nothing was restarted"


def test_a_killed_process_comes_back(platform: Platform) -> None:
    rows = platform.status()["processes"]
    victim = next(row for row in rows if (row["service"], row["region"]) == ("api", "eastus"))
    psutil.Process(victim["pid"]).kill()
    eventually(lambda: any(row["name"] == victim["name"] and row["state"] == "ready" and row["pid"] != victim["pid"]
                           for row in json.loads(platform.run("status", "--json").stdout)["processes"]),
               "the instance is started again", 60)


def test_bad_bodies_get_problem_documents_and_lose_nothing(platform: Platform) -> None:
    for content, media in ((b"{", "application/json"), (b"\xff\xfe", "application/json"), (b"[]", "application/json"),
                           (b'{"sscc": "1"}', "application/json"), (b"<a/>", "application/xml")):
        answer = httpx.post(f"{platform.api}/shipments", content=content, headers={"Content-Type": media}, timeout=10)
        assert 400 <= answer.status_code < 500, f"{content!r} is the caller's fault: {answer.status_code}"
        assert answer.headers["content-type"].startswith("application/problem+json"), f"{content!r} gets a reason"


def test_an_epcis_document_that_the_schema_refuses_names_the_path(platform: Platform) -> None:
    wrong = document("urn:epc:id:sscc:0614141.1234567890", "departing", "2026-03-01T10:00:00Z")
    del wrong["epcisBody"]["eventList"][0]["eventTime"]
    answer = httpx.post(f"{platform.api}/capture", json=wrong, timeout=10)
    assert answer.status_code == 400, f"refused before it is accepted: {answer.text}"
    assert "/epcisBody/eventList/0" in answer.text, "the problem names the path in the document"
