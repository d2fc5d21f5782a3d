"""What the stack exports."""


def test_operators_learn_the_urls(recorded):
    exported = recorded.exports
    assert exported["portalUrl"].startswith("https://tracking-"), "where people go"
    assert exported["apiUrl"] == exported["portalUrl"] + "/api", "where machines go"
    assert exported["frontDoorId"] == "front-door-id", "what the apps admit"
    assert exported["primaryRegion"] == "eastus", "where the writer is"


def test_operators_learn_every_name_of_each_region(recorded):
    for region in ("eastus", "westus"):
        names = recorded.exports["regions"][region]
        assert set(names) == {"web", "api", "worker", "resourceGroup", "queueAccount", "queueUri", "blobAccount",
                              "blobUri", "vault", "postgres", "postgresServer", "redis", "workspace"}, "for runbooks"
        assert all(names.values()), f"{region}: nothing is empty"
        assert names["web"].startswith(f"app-tracking-web-{region}"), "each app's own host"
        assert names["postgres"].startswith(f"psql-tracking-{region}"), "each region's own server"


def test_no_output_is_a_secret(recorded):
    assert "AccountKey" not in str(recorded.exports), "outputs are read by everybody who may preview"
