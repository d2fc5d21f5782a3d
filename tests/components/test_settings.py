"""App settings: what the platform gives is what the apps read."""

import pytest

from shipments.settings import Name, Settings

SITES = [(app, region) for app in ("web", "api", "worker") for region in ("eastus", "westus")]


def settings(engine, name):
    return {item["name"]: item["value"] for item in
            engine.inputs("azure-native:web:WebApp", name)["siteConfig"]["appSettings"]}


@pytest.mark.parametrize(("app", "region"), SITES)
def test_an_app_can_read_its_settings(recorded, app, region):
    read = Settings.from_environment(settings(recorded, f"{app}-{region}"))
    peer = {"eastus": "westus", "westus": "eastus"}[region]
    assert (read.service, read.region, read.peer_region, read.primary_region) == (app, region, peer, "eastus"), \
        "it knows who and where it is"
    assert read.database_host.startswith(f"psql-tracking-{region}"), "it reads its own region's server"
    assert read.database_peer_host.startswith(f"psql-tracking-{peer}"), "and knows the other one"
    assert read.queues != read.peer_queues and read.blobs != read.peer_blobs, "accounts of both regions"
    assert read.redis_host.endswith(":10000"), "Managed Redis listens on port 10000"
    assert read.redis_user == f"principal-identity-{app}-{region}", "Redis knows it by its object id"
    assert read.client_id == f"client-identity-{app}-{region}", "tokens are for its own identity"
    assert read.portal_url.startswith("https://tracking-"), "links lead to the edge"


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_worker_makes_an_sql_role_for_every_app_of_both_regions(recorded, region):
    read = Settings.from_environment(settings(recorded, f"worker-{region}"))
    users = {settings(recorded, f"{app}-{where}")[Name.DATABASE_USER]: f"principal-identity-{app}-{where}"
             for app, where in SITES}
    assert read.database_roles == users, "each app signs in with the role that the migrator made for it"
    assert "migrator" in read.migrator_user and read.migrator_client_id == f"client-identity-migrator-{region}", \
        "it does so as its region's migrator"


def test_an_app_is_told_how_it_fails_over_and_what_a_write_promises(recorded, program, primary):
    told = settings(recorded, "api-westus")
    assert (told[Name.MODE], told[Name.DURABILITY]) == ("automatic", "available"), "unless configured"
    assert told[Name.WRITER_SERVICE] == "worker", "the service whose state decides which database is written"
    primary["durability"], primary["services"][0]["mode"] = "strict", "manual"
    primary["services"][2]["name"] = "hands"
    strict = program(primary)
    assert settings(strict, "web-eastus")[Name.MODE] == "manual", "each service has its own mode"
    assert settings(strict, "api-eastus")[Name.MODE] == "automatic", "the others keep theirs"
    assert settings(strict, "api-eastus")[Name.DURABILITY] == "strict", "one promise for the platform"
    assert settings(strict, "web-westus")[Name.WRITER_SERVICE] == "hands", "whatever it is called"


def test_no_app_is_given_a_switch_of_the_drills(recorded):
    assert not [app for app, region in SITES if Name.JOURNAL_WITHOUT in settings(recorded, f"{app}-{region}")], \
        "a journal without one of its rules loses commands"


def test_only_the_worker_knows_the_migrator(recorded):
    for app in ("web", "api"):
        assert Name.MIGRATOR_USER not in settings(recorded, f"{app}-eastus"), f"{app} has no business with it"


def test_no_setting_holds_a_key(recorded):
    for app, region in SITES:
        for name, value in settings(recorded, f"{app}-{region}").items():
            assert "AccountKey=" not in value and "password" not in value.lower(), f"{name} of {app}: a secret?"


def test_settings_are_sorted_so_that_a_preview_shows_what_changed(recorded):
    for app, region in SITES:
        names = list(settings(recorded, f"{app}-{region}"))
        assert names == sorted(names), f"{app}'s settings are sorted"


def test_a_services_own_settings_are_added(varied):
    assert settings(varied, "api-westus")["COLOUR"] == "blue", "its app gets it in each region"
    assert "COLOUR" not in settings(varied, "web-westus"), "other services do not"
