"""Azure Managed Redis."""

import pytest


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_cache_takes_only_tokens_over_tls(recorded, region):
    cluster = recorded.inputs("redisenterprise:RedisEnterprise", f"cache-{region}")
    database = recorded.inputs("redisenterprise:Database", f"cache-{region}-default")
    assert cluster["minimumTlsVersion"] == "1.2", "older TLS is broken"
    assert cluster["highAvailability"] == "Enabled", "without it there is no SLA"
    assert database["accessKeysAuthentication"] == "Disabled", "keys would be passwords"
    assert database["clientProtocol"] == "Encrypted", "tokens must not travel in the open"
    assert (database["clusteringPolicy"], database["evictionPolicy"]) == ("NoCluster", "AllKeysLRU"), \
        "a plain client, and old answers make room for new ones"


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_each_app_of_the_region_is_admitted_and_nobody_else(recorded, region):
    admitted = {name: item.inputs["user"]["objectId"] for name, item in
                recorded.of("redisenterprise:AccessPolicyAssignment").items() if region in name}
    own = {f"cache-{region}-{app}": f"principal-identity-{app}-{region}" for app in ("web", "api", "worker")}
    assert admitted == own, "the other region's apps have their own cache"


def test_the_cluster_gets_one_change_at_a_time(recorded):
    after = {name: item.after for name, item in recorded.of("redisenterprise:AccessPolicyAssignment").items()}
    assert "cache-eastus-default" in after["cache-eastus-web"], "first the database"
    assert "cache-eastus-web" in after["cache-eastus-api"], "then one policy"
    assert "cache-eastus-api" in after["cache-eastus-worker"], "after the other"
