"""The record survives its file, and the report shows it without needing anything else."""

import json
import re
from pathlib import Path

import pytest

from failover.drill import changes, report
from failover.drill.history import Attempt, Found, History, Mark, Sample
from failover.drill.result import Result, ServiceFigures
from failover.drill.timeline import draw

RECORDS = (
    Mark(100.0, "load", "load begins"),
    *(Attempt(f"r{n}", "track", 100 + n, 100.1 + n, 200, region="eastus" if n < 10 else "westus", shipment="S",
              version=n) for n in range(20)),
    Attempt("w", "comment", 110, 115, None, "timeout"),
    Mark(110.0, "fault", "kill eastus <now>"), Mark(112.0, "verb", "failover failover --to westus"),
    Sample(101.0, {"eastus": {"api": "active"}, "westus": {"api": "standby"}}, queues={"eastus": 3},
           journal={"westus": 2}, lag={"westus walk": 1.5}),
    Sample(115.0, {"eastus": {"api": ""}, "westus": {"api": "failover"}}, journal={"westus": 9}),
    Found("w", "comment", "applied", 1, 116.0), Mark(121.0, "end", "load ends"))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    history = History(tmp_path / "history.jsonl")
    for entry in RECORDS:
        history.add(entry)
    history.close()
    return tmp_path / "history.jsonl"


def a_result(**changed) -> Result:
    service = ServiceFigures("api", 20, 1, 95.0, 2.5, 0, 99.9, 60, 0)
    return Result(**{"scenario": "kill-east", "title": "Killed", "seed": 1, "started": 100.0, "took": 21.0,
                     "acknowledged": 1, "one_region": 0, "lost": (), "duplicated": (), "travels": (), "requests": 21,
                     "failed": 1, "rto": {"read": 2.5, "acknowledge": None, "process": 4.0},
                     "away": {"read": 2.5, "write": 5.0}, "services": (service,), "problems": ("too <late>",),
                     **changed})


def test_a_record_is_read_as_it_was_written(record: Path) -> None:
    assert tuple(History.read(record).records) == RECORDS, "every kind of record survives"


def test_a_record_cut_off_by_a_kill_keeps_its_whole_lines(record: Path) -> None:
    record.write_bytes(record.read_bytes()[:-10])
    assert tuple(History.read(record).records) == RECORDS[:-1], "only the last, half-written line is gone"


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(record: Path) -> None:
    page = report.html([a_result()], [record], ("eastus", "westus"))
    assert not re.findall(r'(?:src|href)="(?!#)|url\(|@import', page), "no external resource is asked for"
    assert "too &lt;late&gt;" in page and "<late>" not in page, "texts are escaped"
    assert "kill eastus &lt;now&gt;" in page, "what was done is told"
    assert "prefers-color-scheme: dark" in page, "it follows the reader's setting"
    assert page.count("<svg viewBox") >= 1 and "state-failover" in page, "states are drawn"


def test_the_row_has_the_agreed_keys() -> None:
    row = json.loads(json.dumps(a_result(lost=("a", "b")).row()))
    assert row["lost"] == 2 and row["duplicated"] == 0, "losses are counted"
    assert row["rto_seconds"] == {"read": 2.5, "acknowledge": None, "process": 4.0}, "what never came back is null"
    assert {"scenario", "seed", "acknowledged", "one_region", "requests", "failed"} <= row.keys(), "as agreed"
    assert row["passed"] is False, "a problem fails the drill"


def test_bars_and_curves_stay_within_their_lanes() -> None:
    picture = draw(History(records=RECORDS), ("eastus", "westus"))
    assert [lane.title for lane in picture.lanes][:2] == ["reads per second", "writes per second"], "load first"
    for lane in picture.lanes:
        for bar in lane.bars:
            assert bar.y >= -0.5 and bar.y + bar.height <= lane.height + 0.5, f"{lane.title}: {bar}"
            assert picture.left - 0.5 <= bar.x and bar.x + bar.width <= picture.width + 8, f"{lane.title}: {bar}"
    assert [flag.look for flag in picture.flags] == ["load", "fault", "verb", "end"], "what was done is marked"


def test_an_empty_record_is_drawn_too() -> None:
    assert draw(History(), ("eastus", "westus")).lanes == (), "nothing happened, nothing is drawn"


SERVER = "urn:pulumi:primary::portal::tracking:platform:Database$azure-native:dbforpostgresql:Server::eastus"


@pytest.mark.parametrize(("step", "harmful"), [
    ({"op": "same", "urn": SERVER}, False), ({"op": "delete", "urn": SERVER}, True),
    ({"op": "replace", "urn": SERVER}, True),
    ({"op": "replace", "urn": SERVER.replace("Server::eastus", "VirtualEndpoint::endpoint")}, False),
    ({"op": "update", "urn": SERVER, "detailedDiff": {"tags.owner": {}}}, False),
    ({"op": "update", "urn": SERVER, "detailedDiff": {"replica.role": {}}}, True),
    ({"op": "update", "urn": SERVER, "detailedDiff": {"replicationRole": {}}}, True)])
def test_a_preview_that_harms_what_failover_left_is_told(step: dict, harmful: bool) -> None:
    assert bool(changes.harmful(json.dumps({"steps": [step]}))) == harmful, f"{step['op']} {step.get('detailedDiff')}"
