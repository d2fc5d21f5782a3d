"""Front Door: profile, endpoint, origin groups, routes."""

import pytest

SERVICES = ("web", "api", "worker", "static")


def test_the_profile_is_of_the_configured_size(recorded, varied):
    assert recorded.inputs("cdn:Profile", "edge")["sku"] == {"name": "Standard_AzureFrontDoor"}, "unless configured"
    profile = varied.inputs("cdn:Profile", "edge")
    assert profile["sku"] == {"name": "Premium_AzureFrontDoor"}, "Premium can be had by configuration"
    assert profile["originResponseTimeoutSeconds"] == 60, "and the timeout"


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_own_group_and_probe(recorded, service):
    group = recorded.inputs("cdn:AFDOriginGroup", f"route-{service}-group")
    probe, samples = group["healthProbeSettings"], group["loadBalancingSettings"]
    path = "/site/health.txt" if service == "static" else "/healthz"
    assert (probe["probePath"], probe["probeRequestType"], probe["probeProtocol"]) == (path, "HEAD", "Https"), \
        "what an origin is asked"
    assert probe["probeIntervalInSeconds"] == 5, "the SDK's own default would be 240 seconds"
    assert (samples["sampleSize"], samples["successfulSamplesRequired"]) == (2, 2), "two in a row decide"
    assert group["sessionAffinityState"] == "Disabled", "any instance serves any request"


@pytest.mark.parametrize("service", SERVICES)
def test_the_primary_region_comes_first(recorded, service):
    east, west = (recorded.inputs("cdn:AFDOrigin", f"route-{service}-{region}") for region in ("eastus", "westus"))
    assert (east["priority"], west["priority"]) == (1, 2), "active-passive"
    for origin in (east, west):
        assert origin["originHostHeader"] == origin["hostName"], "else the client's host would be forwarded"
        assert origin["enforceCertificateNameCheck"] is True, "the origin must prove who it is"
        assert origin["enabledState"] == "Enabled", "a disabled origin is no standby"
    assert east["hostName"] != west["hostName"], "two regions, two hosts"


@pytest.mark.parametrize("service", SERVICES)
def test_an_origin_that_operators_disabled_stays_so(recorded, service):
    for region in ("eastus", "westus"):
        ignored = recorded.one("cdn:AFDOrigin", f"route-{service}-{region}").ignored
        assert "enabledState" in ignored, "an `up` after a failover must not send traffic back"
        assert ("hostName" in ignored) == (service == "static"), "an account without a copy names no second host"


def test_static_content_falls_back_to_its_readable_copy(recorded):
    east, west = (recorded.inputs("cdn:AFDOrigin", f"route-static-{region}")["hostName"]
                  for region in ("eastus", "westus"))
    assert west == east.replace(".blob.", "-secondary.blob."), "the same account, read in the paired region"


def test_only_static_content_is_read_with_the_edges_identity(recorded):
    groups = {name: item.inputs.get("authentication") for name, item in recorded.of("cdn:AFDOriginGroup").items()}
    assert groups.pop("route-static-group") == {
        "type": "UserAssignedIdentity", "scope": "https://storage.azure.com/.default",
        "userAssignedIdentity": {"id": "/id/identity-edge"}}, "no key, no anonymous reader"
    assert set(groups.values()) == {None}, "App Service origins admit by Front Door's id instead"
    assert "may-edge-read-static" in recorded.one("cdn:AFDOriginGroup", "route-static-group").after, \
        "the identity may read before anything is probed"


def test_routes_cover_each_service_and_rewrite_where_needed(recorded):
    routes = {name: item.inputs for name, item in recorded.of("cdn:Route").items()}
    patterns = {name: route["patternsToMatch"] for name, route in routes.items()}
    assert patterns == {"route-web-route": ["/*"], "route-api-route": ["/api", "/api/*"],
                        "route-worker-route": ["/worker", "/worker/*"],
                        "route-static-route": ["/static", "/static/*"]}, "every path of the configuration"
    origin_paths = {name: route.get("originPath") for name, route in routes.items()}
    assert origin_paths == {"route-web-route": None, "route-api-route": None, "route-worker-route": "/",
                            "route-static-route": "/site/"}, "the worker knows nothing of its path"
    for name, route in routes.items():
        assert (route["forwardingProtocol"], route["httpsRedirect"]) == ("HttpsOnly", "Enabled"), f"{name} is encrypted"
        assert ("cacheConfiguration" in route) == (name == "route-static-route"), f"{name}: only files are cached"
    cache = routes["route-static-route"]["cacheConfiguration"]
    assert cache["queryStringCachingBehavior"] == "UseQueryString", "a new build asks for portal.css?v=<build>"


def test_a_route_waits_for_its_origins(recorded):
    for service in SERVICES:
        waits = recorded.one("cdn:Route", f"route-{service}-route").after
        assert {f"route-{service}-eastus", f"route-{service}-westus"} <= waits, "Azure refuses routes to empty groups"


def test_reads_of_an_active_active_service_go_to_the_nearest_region(varied):
    equal = {item.inputs["priority"] for name, item in varied.of("cdn:AFDOrigin").items() if "api-reads" in name}
    assert equal == {1}, "equal priorities, so that latency decides"
    ordered = [varied.inputs("cdn:AFDOrigin", f"route-api-{region}")["priority"] for region in ("eastus", "westus")]
    assert ordered == [1, 2], "writes keep their order"
    rule = varied.inputs("cdn:Rule", "route-api-nearest")
    assert rule["conditions"][0]["parameters"]["matchValues"] == ["GET", "HEAD"], "camelCase, as Azure reads it"
    override = rule["actions"][0]["parameters"]["originGroupOverride"]
    assert override["originGroup"] == {"id": "/id/route-api-reads-group"}, "reads have a group of their own"
    assert varied.inputs("cdn:Route", "route-api-route")["ruleSets"] == [{"id": "/id/route-api-nearest"}], \
        "and the route obeys the rule"


def test_a_probe_can_be_configured_for_each_service(varied):
    group = varied.inputs("cdn:AFDOriginGroup", "route-web-group")
    assert group["healthProbeSettings"] == {"probePath": "/healthz?deep", "probeRequestType": "GET",
                                            "probeProtocol": "Https", "probeIntervalInSeconds": 30}, "as configured"
    assert group["loadBalancingSettings"]["successfulSamplesRequired"] == 3, "and how many must pass"
