"""The checker finds every loss, double effect and look back that a history holds, and nothing else."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from failover.drill.checker import FRESH, check
from failover.drill.history import Attempt, Found, Sample

REGIONS = ("eastus", "westus")
HISTORIES = st.builds(lambda seeds: clean(seeds), st.lists(st.tuples(
    st.sampled_from(("register", "comment", "capture", "large", "photo")), st.integers(1, 4),
    st.sampled_from(("one-region", "two-regions")), st.booleans()), min_size=1, max_size=25))
Writes = list[tuple[str, int, str, bool]]


def clean(writes: Writes) -> tuple[list[Attempt], dict[str, Found]]:
    """A history without fault: every write is tried some times, the last of them acknowledged unless the client gave
    up; what was acknowledged is there once, and readers see the timeline grow."""
    attempts, found, at = [], {}, 1000.0
    for place, (kind, tries, durability, gave_up) in enumerate(writes):
        op = f"op{place}"
        for number in range(1, tries + 1):
            taken = number == tries and not gave_up
            attempts.append(Attempt(op, kind, at, at + 0.1, 202 if taken else 503, number=number,
                                    durability=durability if taken else "", command=op if taken else "", shipment="S"))
            at += 0.2
        if not gave_up or tries % 2:  # a client that gave up does not know: both are right
            found[op] = Found(op, kind, "applied", 1, at)
        attempts.append(Attempt(f"read{place}", "track", at, at + 0.05, 200, region="eastus", shipment="S",
                                version=len(found)))
        at += 1
    return attempts, found


def acknowledged(attempts: list[Attempt]) -> list[str]:
    return [attempt.command for attempt in attempts if attempt.acknowledged]


@given(HISTORIES)
def test_a_history_without_fault_is_clean(history: tuple[list[Attempt], dict[str, Found]]) -> None:
    attempts, found = history
    verdict = check(attempts, found)
    assert verdict.clean, "nothing was planted, so nothing may be found"
    assert verdict.acknowledged == len(acknowledged(attempts)), "each acknowledged command counts once"


LOSSES: tuple[Callable[[Found], Found | None], ...] = (
    lambda _: None,
    lambda one: Found(one.command, one.kind, "unknown", 0),
    lambda one: Found(one.command, one.kind, "accepted", 0),
    lambda one: Found(one.command, one.kind, "applied", 0, one.applied_at),
    lambda one: Found(one.command, one.kind, "refused", 0, one.applied_at))


@given(HISTORIES, st.data())
def test_every_planted_loss_is_found_and_no_other(history: tuple[list[Attempt], dict[str, Found]], data) -> None:
    attempts, found = history
    lost = data.draw(st.sets(st.sampled_from(acknowledged(attempts)))) if acknowledged(attempts) else set()
    for command in lost:
        found[command] = data.draw(st.sampled_from(LOSSES))(found[command])
    kept = {command: finding for command, finding in found.items() if finding}
    assert set(check(attempts, kept).lost) == lost, "exactly what is gone, not applied, refused or invisible is lost"


@given(HISTORIES, st.data())
def test_every_planted_double_effect_is_found(history: tuple[list[Attempt], dict[str, Found]], data) -> None:
    attempts, found = history
    twice = data.draw(st.sets(st.sampled_from(sorted(found)))) if found else set()
    for command in twice:
        found[command] = Found(command, found[command].kind, "applied", data.draw(st.integers(2, 5)), 1.0)
    assert set(check(attempts, found).duplicated) == twice, "what is there more than once is found, acknowledged or not"


def test_an_intention_that_became_two_commands_is_a_double_effect() -> None:
    attempts = [Attempt("op", "register", 1, 2, 202, command=command, shipment="S") for command in ("a", "b")]
    found = {command: Found(command, "register", "applied", 1, 1.0) for command in ("a", "b")}
    assert check(attempts, found).duplicated == ("b",), "one Idempotency-Key must stay one command"


def reads(*seen: tuple[float, int, str]) -> list[Attempt]:
    return [Attempt(f"r{place}", "track", at, at + 0.05, 200 if version else 404, region=region, shipment="S",
                    version=version) for place, (at, version, region) in enumerate(seen)]


@settings(max_examples=200)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.0, 60.0), st.floats(0.0, 60.0), st.sampled_from(REGIONS))
def test_a_read_that_looks_back_further_than_announced_is_found(
        version: int, back: int, behind: float, lag: float, region: str) -> None:
    asked = reads((100.0, version, "eastus"), (100.05 + behind, max(0, version - back), region))
    found = check(asked, {}, [Sample(100.05 + behind, lag={f"{region} walk": lag})]).travels
    if abs(behind - lag - FRESH) > 0.01:
        assert bool(found) == (behind > lag + FRESH), "it is found when it is further back than was announced"


def test_only_the_lag_that_the_answering_region_announced_excuses_it() -> None:
    asked = reads((100, 5, "eastus"), (120, 4, "westus"))
    samples = [Sample(119.0, lag={"eastus walk": 60.0, "westus sync": 600.0})]
    assert len(check(asked, {}, samples).travels) == 1, "another region's lag, or storage's, is no excuse"
    assert not check(asked, {}, [Sample(119.0, lag={"westus walk": 20.0})]).travels, "its own is"


def test_reads_at_the_same_time_do_not_accuse_each_other() -> None:
    slow = Attempt("slow", "track", 100.0, 130.0, 200, region="eastus", shipment="S", version=1)
    fast = Attempt("fast", "track", 101.0, 101.1, 200, region="eastus", shipment="S", version=2)
    assert not check([slow, fast], {}).travels, "a read that began before the newer answer came may be older"


def test_a_known_shipment_that_is_unknown_again_is_found() -> None:
    assert check(reads((100, 1, "eastus"), (110, 0, "westus")), {}).travels, "404 after 200 looks back to its beginning"


def test_acknowledgements_in_one_region_are_counted_apart() -> None:
    attempts = [Attempt(str(n), "comment", n, n + 1, 202, command=str(n), durability=kind, shipment="S")
                for n, kind in enumerate(("one-region", "two-regions", "one-region"))]
    found = {str(n): Found(str(n), "comment", "applied", 1, 1.0) for n in range(3)}
    verdict = check(attempts, found)
    assert (verdict.acknowledged, verdict.one_region) == (3, 2), "two of three were promised one region only"
