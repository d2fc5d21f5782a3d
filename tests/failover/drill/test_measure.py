"""Times of recovery and absence over attempts whose truth is known."""

import pytest

from failover.drill import measure
from failover.drill.history import Attempt, Found


def every(step: float, start: float, end: float, down: tuple[float, float] = (0, 0), kind: str = "track"
          ) -> list[Attempt]:
    """A read each `step` seconds; those that begin in `down` fail after one second."""
    times = [start + step * n for n in range(int((end - start) / step))]
    return [Attempt(str(at), kind, at, at + (1 if down[0] <= at < down[1] else 0.1),
                    503 if down[0] <= at < down[1] else 200) for at in times]


@pytest.mark.parametrize(("down", "expected"), [((20, 26), 6.1), ((20, 20.5), 0.6), ((0, 0), 0.0), ((20, 99), None)])
def test_recovery_is_counted_from_the_fault_to_the_lasting_success(down, expected) -> None:
    found = measure.recovery(every(0.5, 0, 60, down), 20)
    assert found == (pytest.approx(expected) if expected is not None else None), "until the first success that lasts"


def test_a_fault_that_takes_a_moment_to_begin_is_not_over_before_it_began() -> None:
    assert measure.recovery(every(0.5, 0, 60, (25, 30)), 20) == pytest.approx(10.1), "it went well before"


def test_a_single_success_among_failures_is_no_recovery() -> None:
    attempts = [*every(0.5, 0, 30, (10, 20)), Attempt("lucky", "track", 15.2, 15.3, 200)]
    assert measure.recovery(sorted(attempts, key=lambda one: one.start), 10) == pytest.approx(10.1), \
        "failures within three seconds after it show that it did not last"


def test_an_answer_that_came_too_late_is_none() -> None:
    late = Attempt("late", "track", 10, 10 + measure.SLOW + 1, 200)
    assert not measure.good(late), "people have given up by then"
    assert measure.availability([late, Attempt("b", "track", 1, 1.1, 200)]) == 50.0, "so it counts as unavailable"


def test_the_longest_absence_ends_with_the_next_success() -> None:
    assert measure.longest_away(every(0.5, 0, 40, (10, 14))) == pytest.approx(4.1), "from the first failure on"
    assert measure.longest_away(every(0.5, 0, 40)) == 0.0, "nothing failed"


def test_attempts_past_the_edge_and_large_bodies_do_not_count_for_times() -> None:
    attempts = [Attempt("a", "track", 1, 2, 200, door="eastus"), Attempt("b", "large", 1, 2, 202),
                Attempt("c", "comment", 1, 2, 202)]
    kinds = {attempt.kind for attempt in attempts}
    assert [one.op for one in measure.at_edge(attempts, kinds)] == ["c"], "they say nothing about the edge's users"


def applied(*times: float) -> list[Found]:
    return [Found(str(at), "comment", "applied", 1, at) for at in times]


def test_processing_is_away_from_the_order_to_the_end_of_the_longest_gap() -> None:
    steady = [n / 5 for n in range(50)]
    later = [20 + n / 5 for n in range(50)]
    assert measure.processing(applied(*steady, *later), 15, 40) == pytest.approx(5), "ordered within the gap"
    assert measure.processing(applied(*steady, *later), 5, 40) == pytest.approx(20 - steady[-1]), "ordered before it"
    assert measure.processing(applied(*steady), 5, 10) == 0.0, "no gap"
