"""What operators read, word for word."""

import io
import json
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from failover import machine, show
from failover.attention import notes
from failover.planner import Request, plan
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, document, put, without

GOLDEN = Path(__file__).parent / "golden"


def printed(write) -> str:
    """What `write(console)` leaves on a terminal without colours."""
    console = Console(file=io.StringIO(), width=140, highlight=False)
    write(console)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


CASES = {
    "failover": (without(platforms.healthy(), EAST), Request("failover", WEST, by="bob")),
    "switchover": (platforms.healthy(), Request("switchover", by="bob")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_shown_as_agreed(name):
    seen, request = CASES[name]
    assert printed(lambda console: show.show_plan(console, seen, plan(seen, request))) == \
        (GOLDEN / f"{name}.txt").read_text(), "operators decide by this text; change the golden file on purpose only"


def test_status_is_shown_as_agreed():
    seen = put(without(platforms.healthy(), EAST), document("worker", EAST, unprotected_since="2026-11-22T11:00:00Z"),
               WEST)
    assert printed(lambda console: show.show_status(console, seen, notes(seen))) == \
        (GOLDEN / "status.txt").read_text(), "operators decide by this text; change the golden file on purpose only"


def test_a_healthy_platform_needs_no_attention():
    assert [note for note in notes(platforms.healthy()) if note.serious] == [], "status ends with 0 then"


@pytest.mark.parametrize(("seen", "text"), [
    (without(platforms.healthy(), EAST), "eastus does not answer"),
    (put(platforms.healthy(), document("worker", EAST, unprotected_since="2026-11-22T11:00:00Z")), "unprotected since"),
    (put(platforms.healthy(), document("api", WEST), WEST), "holds an older state of api"),
    (put(platforms.healthy(), document("api", EAST, leaving=EAST)), "was not finished"),
    (platforms.damaged(platforms.healthy(), "api", WEST), "is damaged"),
    (platforms.healthy().with_region(WEST, journal=None), "is missing"),
    (platforms.healthy().with_region(WEST, skew=600.0), "clocks differ by 600 s"),
    (replace(platforms.healthy(), last_drill=platforms.NOW.replace(year=2025)), "the last drill was 365 days ago"),
    (replace(platforms.healthy(), problems=("reading q: your identity may not",)), "your identity may not"),
])
def test_what_needs_attention_is_told(seen, text):
    assert any(text in note.text and note.serious for note in notes(seen)), [note.text for note in notes(seen)]


def test_machines_get_one_event_a_line():
    seen, request = CASES["failover"]
    told = json.loads(machine.plan(plan(seen, request)))
    assert told["event"] == "plan" and told["destructive"] is True, told
    assert [step["name"] for step in told["steps"]] == [step.name for step in plan(seen, request).steps], told
    status = orjson.loads(machine.status(seen, notes(seen), 4))
    assert status["services"]["api"]["activeRegion"] == EAST and status["regions"][EAST]["reachable"] is False, status
