"""What a preview says about choices that nobody made."""

from components.config import Platform
from components.notices import notices


def said(platform):
    return "\n".join(notices(Platform.model_validate(platform)))


def test_the_primary_stack_says_what_west_us_cannot_do(primary):
    text = said(primary)
    assert "westus: queue account gets Standard_GRS, the best there (no zones)" in text, "not the GZRS that East has"
    assert "eastus: queue account gets Standard_GZRS" in text, "which is said too"
    assert "westus: the App Service plan is not spread over zones" in text, "nor are its instances spread"


def test_what_was_configured_needs_no_notice(primary):
    primary["regions"][0]["queueSku"] = "Standard_GZRS"
    primary["regions"][1] |= {"queueSku": "Standard_GRS", "zoneRedundant": False}
    primary["deployerAddresses"] = ["203.0.113.0/24"]
    assert said(primary) == "", "somebody decided"


def test_storage_that_goes_to_a_third_region_is_said(primary):
    primary |= {"regions": [{"location": "eastus"}, {"location": "eastus2"}]}
    assert "eastus2: Azure copies its storage to centralus, which is not the other region here" in said(primary), \
        "operators must not look for it in the wrong place"


def test_a_primary_that_a_failover_chose_is_said(primary):
    assert "database was made" not in said(primary), "the first region writes"
    primary["primary"] = "westus"
    assert "westus is primary, while the database was made to be written in eastus" in said(primary), \
        "on a new stack, nobody would write where everybody looks"
