"""Names fit Azure's limits and stay the same."""

import pytest

from components.naming import LIMITS, Naming
from components.regions import REGIONS


def naming(platform="tracking", stack="primary", subscription="one"):
    return Naming.of(platform, subscription, "tracking", stack, {"owner": "me"})


def test_names_depend_on_subscription_project_and_stack_alone():
    assert naming().of_kind("kv", "eus") == naming().of_kind("kv", "eus"), "the same stack gives the same name"
    assert naming().suffix != naming(subscription="two").suffix, "another subscription must not want the same name"
    assert naming().suffix != naming(stack="test").suffix, "another stack must not want the same name"


@pytest.mark.parametrize("region", REGIONS)
def test_the_longest_platform_name_fits_in_every_region(region):
    longest = naming("abcdefghi")
    names = [longest.storage("q", region), longest.of_kind("kv", REGIONS[region].short),
             longest.of_kind("psql", region), longest.of_kind("redis", region),
             longest.of_kind("app", "worker", region), longest.of_kind("id", "a23456789012", region),
             longest.of_kind("plan", "flex", region)]
    assert len(set(names)) == len(names), "and each is another one"


def test_a_name_over_the_limit_is_refused_with_limit_value_and_next_act():
    with pytest.raises(ValueError, match=r"at most 24 characters.*got 'kv-tracking-a-very-.*choose a shorter"):
        naming().of_kind("kv", "a-very-long-region")


def test_characters_that_azure_refuses_are_refused():
    with pytest.raises(ValueError, match="choose a shorter"):
        naming().of_kind("kv", "two--dashes")


def test_every_kind_has_a_limit_of_azure():
    assert all(3 < limit <= 260 and pattern for limit, pattern in LIMITS.values()), "limits are numbers of characters"
