"""The table of what regions offer."""

from components.regions import REGIONS


def test_east_us_has_zones_and_west_us_has_none():
    east, west = REGIONS["eastus"], REGIONS["westus"]
    assert (east.zones, east.gzrs) == (True, True), "East US offers all of it"
    assert (west.zones, west.gzrs) == (False, False), "West US offers none of it"
    assert (east.pair, west.pair) == ("westus", "eastus"), "they are a pair"


def test_gzrs_needs_zones():
    assert not [region.name for region in REGIONS.values() if region.gzrs and not region.zones], "it spreads over zones"


def test_queues_never_get_a_read_access_redundancy():
    assert {region.queue_sku for region in REGIONS.values()} == {"Standard_GZRS", "Standard_GRS"}, \
        "nothing reads a queue's secondary before a failover"


def test_short_names_differ():
    shorts = [region.short for region in REGIONS.values()]
    assert len(set(shorts)) == len(shorts), "two regions would want the same account names"
    assert max(map(len, shorts)) <= 4, "names of vaults have room for four"


def test_a_pair_of_two_known_regions_is_mutual_but_for_those_that_azure_pairs_one_way():
    one_way = {name for name, region in REGIONS.items()
               if region.pair in REGIONS and REGIONS[region.pair].pair != name}
    assert one_way == {"westus3"}, "West US 3 is copied to East US, whose own copy is in West US"
