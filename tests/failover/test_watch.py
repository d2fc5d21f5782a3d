"""When `watch` would act, and when it holds back."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from failover.watch import Policy, Sample, judge, sample
from tests.failover import platforms
from tests.failover.platforms import EAST, NOW, WEST, document, put, without

POLICY = Policy(seconds=30, times=5)
LOST = Sample(NOW, EAST, False, True, True, False, True, True)
WELL = replace(LOST, lead_answers=True, standby_sees_lead=True)


def every(seconds: float, *samples: Sample) -> list[Sample]:
    """The samples, one after the other at that distance."""
    return [replace(one, at=NOW + timedelta(seconds=index * seconds)) for index, one in enumerate(samples)]


def test_a_blip_is_nothing():
    assert judge(every(3, WELL, LOST, WELL), WEST, POLICY).judgement == "well", "it answers again"
    assert judge(every(3, *[LOST] * 10), WEST, POLICY).judgement == "doubt", "27 s are less than 30"
    assert judge(every(20, *[LOST] * 4), WEST, POLICY).judgement == "doubt", "60 s, but only four looks"


def test_a_loss_that_lasts_is_acted_upon():
    found = judge(every(3, *[LOST] * 11), WEST, POLICY)
    assert (found.judgement, found.to) == ("act", WEST), found


def test_one_answer_in_between_starts_the_count_anew():
    assert judge(every(3, *[LOST] * 10, WELL, *[LOST] * 10), WEST, POLICY).judgement == "doubt", "it was there 30 s ago"


def test_a_machine_that_is_cut_off_itself_does_nothing():
    found = judge(every(3, *[replace(LOST, standby_sees_lead=True)] * 50), WEST, POLICY)
    assert found.judgement == "doubt" and "its peer sees it" in found.reason, "the second vantage point disagrees"


def test_it_holds_back_when_the_standby_is_not_fit():
    assert judge(every(3, *[replace(LOST, standby_ready=False)] * 50), WEST, POLICY).judgement == "held", "no gain"
    assert judge(every(3, *[replace(LOST, settled=False)] * 50), WEST, POLICY).judgement == "held", "at work"


def test_what_is_unprotected_is_given_up_only_by_force():
    samples = every(3, *[replace(LOST, protected=False)] * 50)
    assert judge(samples, WEST, POLICY).judgement == "held", "acknowledged commands could be lost"
    assert judge(samples, WEST, replace(POLICY, force=True)).judgement == "act", "the operator said so"


@given(st.lists(st.builds(replace, st.just(LOST), lead_answers=st.booleans(), standby_sees_lead=st.booleans(),
                          standby_ready=st.booleans(), protected=st.booleans(), settled=st.booleans()), max_size=60),
       st.floats(0.5, 20))
def test_it_never_acts_on_less_than_it_promises(samples, seconds):
    samples = every(seconds, *samples)
    if judge(samples, WEST, POLICY).judgement != "act":
        return
    last = samples[-POLICY.times:]
    assert len(last) == POLICY.times and all(one.lost for one in last), "so many looks in a row, from both places"
    assert samples[-1].standby_ready and samples[-1].protected and samples[-1].settled, "into a fit region only"
    since = next((index for index in range(len(samples), 0, -1) if not samples[index - 1].lost), 0)
    assert (samples[-1].at - samples[since].at).total_seconds() >= POLICY.seconds, "for long enough"


def test_an_observation_becomes_a_sample_of_both_vantage_points():
    assert sample(platforms.healthy()) == Sample(NOW, EAST, True, True, True, True, True, True), "all is well"
    gone = without(platforms.healthy(), EAST)
    assert not sample(gone).lost, "West's report still says that it sees East"
    blind = gone.with_region(WEST, journal=platforms.journal(False, peer_seen=False))
    assert sample(blind).lost, "now both agree"
    silent = gone.with_region(WEST, journal=None)
    assert not sample(silent).standby_ready, "without a report there is no second vantage point, and no action"
    moving = put(platforms.healthy(), document("api", EAST, leaving=EAST))
    assert not sample(moving).settled, "an operator is at work"
