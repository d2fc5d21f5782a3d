"""Timer and blob triggers: the leader's work."""

import json
from datetime import UTC, datetime

import pytest

from tests.twin.functionshost.hosting import Start, Storage, peeked, until
from twin.functionshost.blobs import pattern
from twin.functionshost.timers import following

STARTUP = """
@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def at_start(timer: func.TimerRequest):
    note(timer="at_start", past_due=timer.past_due)
@app.timer_trigger(arg_name="timer", schedule="*/2 * * * * *")
def often(timer: func.TimerRequest):
    note(timer="often", past_due=timer.past_due)
"""


def test_two_instances_run_a_timer_once_and_the_second_takes_over(storage: Storage, start: Start) -> None:
    first = start(STARTUP, site="tworegion").ready()
    second = start(STARTUP, site="tworegion").ready()
    until(lambda: len(first.calls() + second.calls()) >= 4, "timers fire")
    leader, other = (first, second) if first.calls() else (second, first)
    assert not other.calls(), "only the leader runs timers"
    assert [c["timer"] for c in leader.calls()].count("at_start") == 1, "run_on_startup runs once"
    assert leader.calls()[0] == leader.calls()[0] | {"timer": "at_start", "past_due": False}, "and at once"
    assert leader.stop() == 0, "the leader stops"
    until(other.calls, "the other leads as soon as the lease is given back", 8)


def test_a_missed_occurrence_is_run_as_past_due(storage: Storage, start: Start) -> None:
    service = storage.blobs()
    host_storage = service.get_container_client("azure-webjobs-hosts")
    if not host_storage.exists():
        host_storage.create_container()
    missed = {"Last": "2026-01-01T00:00:00+00:00", "Next": "2026-01-02T00:00:00+00:00"}
    status = host_storage.get_blob_client("timers/pastdue/Host.Functions.daily/status")
    status.upload_blob(json.dumps(missed), overwrite=True)
    code = """
    @app.timer_trigger(arg_name="timer", schedule="0 0 0 * * *")
    def daily(timer: func.TimerRequest):
        note(past_due=timer.past_due, last=timer.schedule_status["Last"])
    """
    host = start(code, site="pastdue")
    (call,) = until(host.calls, "the missed occurrence runs")
    assert call["past_due"] is True and call["last"] == missed["Last"], "and says so"

    def rewritten() -> bool:
        return datetime.fromisoformat(json.loads(status.download_blob().readall())["Next"]) > datetime.now(UTC)

    until(rewritten, "the next occurrence is kept")


def test_each_blob_is_handled_once_also_after_a_restart_and_a_failing_one_is_poisoned(
    storage: Storage, start: Start
) -> None:
    container = storage.blobs().create_container("photos")
    code = """
    @app.blob_trigger(arg_name="blob", path="photos/in/{name}.jpg", connection="BLOBS")
    def photo(blob: func.InputStream):
        note(name=blob.name, length=blob.length, text=blob.read().decode())
        assert blob.name != "photos/in/bad.jpg"
    """
    container.upload_blob("in/a.jpg", b"one")
    container.upload_blob("in/a.txt", b"other")
    host = start(code, site="photos")
    (call,) = until(host.calls, "the blob is found")
    assert (call["name"], call["length"], call["text"]) == ("photos/in/a.jpg", 3, "one")
    assert host.stop() == 0, "clean"
    again = start(code, site="photos").ready()
    container.upload_blob("in/bad.jpg", b"bad")
    poison = storage.queue("webjobs-blobtrigger-poison", create=False)
    (message,) = until(lambda: peeked(poison), "the failing blob is reported")
    assert json.loads(message)["BlobName"] == "in/bad.jpg", "by its name"
    assert [c["name"] for c in again.calls()] == ["photos/in/bad.jpg"] * 5, "five tries, and the old blob not again"


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01T00:01:00", "2026-01-01T00:05:00"),
        ("30 * * * * *", "2026-01-01T00:00:30", "2026-01-01T00:01:30"),
        ("0 30 9 * * 1-5", "2026-01-02T10:00:00", "2026-01-05T09:30:00"),
        ("0 0 0 13 * FRI", "2026-01-01T00:00:00", "2026-02-13T00:00:00"),
    ],
)
def test_schedules_are_ncrontab(schedule: str, after: str, expected: str) -> None:
    assert following(schedule, datetime.fromisoformat(after)) == datetime.fromisoformat(expected), (
        "six fields, all hold"
    )


def test_a_blob_path_matches_its_pattern_only() -> None:
    jpg = pattern("in/{name}.jpg")
    assert jpg.fullmatch("in/a/b.jpg") and not jpg.fullmatch("in/a.txt") and not jpg.fullmatch("out/a.jpg"), "as asked"
