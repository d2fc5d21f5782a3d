"""The whole program: what it registers for a pair of regions."""

from collections import Counter


def test_the_primary_stack_registers_everything_of_the_topology(recorded):
    counts = Counter(item.type.split(":", 1)[1] for item in recorded.resources if item.custom)
    expected = {"resources:ResourceGroup": 3, "storage:StorageAccount": 7, "storage:Queue": 20,
                "storage:BlobContainer": 11, "storage:BlobServiceProperties": 5, "redisenterprise:RedisEnterprise": 2,
                "dbforpostgresql:Server": 2, "dbforpostgresql:VirtualEndpoint": 1,
                "keyvault:Vault": 2, "operationalinsights:Workspace": 2, "applicationinsights:Component": 2,
                "web:AppServicePlan": 4, "web:WebApp": 6, "cdn:Profile": 1, "cdn:AFDEndpoint": 1,
                "cdn:AFDOriginGroup": 4, "cdn:AFDOrigin": 8, "cdn:Route": 4, "managedidentity:UserAssignedIdentity": 9}
    missing = {kind: (count, counts[kind]) for kind, count in expected.items() if counts[kind] != count}
    assert not missing, "kind: (what the topology table asks for, what was registered)"


def test_the_program_looks_up_only_who_and_where_it_is(recorded):
    endpoint = "azure-native:dbforpostgresql:getVirtualEndpoint"
    assert recorded.calls == ["azure-native:authorization:getClientConfig", endpoint, endpoint], \
        "each further look-up delays every preview; where the endpoint is, promotions decide"


def test_both_stamps_have_the_same_resources(recorded):
    names = {(item.type, item.name) for item in recorded.resources if not item.type.startswith("azure-native:dbfor")}
    exchanged = {(kind, name.replace("eastus", "X").replace("westus", "eastus").replace("X", "westus"))
                 for kind, name in names}
    assert names == exchanged, "one stamp is instantiated per region; only the database knows roles"


def test_every_taggable_resource_says_whose_it_is(recorded):
    for item in recorded.resources:
        if tags := item.inputs.get("tags"):
            assert {"platform", "stack", "owner"} <= set(tags), f"{item.name} must say whose it is"
    assert sum("tags" in item.inputs for item in recorded.resources) > 30, "tags are set where Azure takes them"


def test_names_are_the_same_in_every_run(recorded, varied):
    def names(engine):
        return {(item.type, item.name): {key: value for key, value in item.inputs.items() if key.endswith("ame")}
                for item in engine.resources if not item.name.startswith("operator-")}  # named after who it is
    again = names(varied)
    assert {key: again[key] for key in names(recorded)} == names(recorded), "a random name would make previews differ"


def test_a_pair_with_zones_in_both_regions_gets_gzrs_in_both(program, primary):
    primary |= {"regions": [{"location": "eastus2"}, {"location": "centralus"}], "primary": "eastus2"}
    engine = program(primary)
    for region in ("eastus2", "centralus"):
        sku = engine.inputs("storage:StorageAccount", f"queues-{region}")["sku"]["name"]
        assert sku == "Standard_GZRS", f"{region} has zones"
        plan = engine.inputs("web:AppServicePlan", f"plan-{region}")
        assert plan["zoneRedundant"] is True, f"the plan in {region} can be spread over zones"
    assert len(engine.resources) > 180, "the same program registers everything elsewhere too"


def test_west_us_gets_the_best_that_it_has(recorded):
    sku = {region: recorded.inputs("storage:StorageAccount", f"queues-{region}")["sku"]["name"]
           for region in ("eastus", "westus")}
    assert sku == {"eastus": "Standard_GZRS", "westus": "Standard_GRS"}, "West US has no zones"
    assert recorded.inputs("web:AppServicePlan", "plan-westus")["zoneRedundant"] is False, "nor has its plan"


def test_a_service_whose_primary_is_west_has_its_priorities_swapped(western):
    priority = {name: item.inputs["priority"] for name, item in western.of("cdn:AFDOrigin").items()}
    assert (priority["route-api-westus"], priority["route-api-eastus"]) == (1, 2), "api is served by West first"
    assert (priority["route-static-westus"], priority["route-static-eastus"]) == (1, 2), "files too, from their copy"
    assert (priority["route-web-eastus"], priority["route-web-westus"]) == (1, 2), "web said East for itself"
    settings = western.inputs("web:WebApp", "api-eastus")["siteConfig"]["appSettings"]
    assert {"name": "PRIMARY_REGION", "value": "westus"} in settings, "the app in East must know that West comes first"


def test_new_code_reaches_each_services_standby_first(recorded, western):
    def waits(engine, app, region):
        peer = {"eastus": "westus", "westus": "eastus"}[region]
        return f"code-{app}-{peer}" in engine.one("Deployment", f"code-{app}-{region}").after
    for app in ("web", "api", "worker"):
        assert waits(recorded, app, "eastus") and not waits(recorded, app, "westus"), f"{app}: West first, then East"
    assert waits(western, "api", "westus") and not waits(western, "api", "eastus"), "East first where West is primary"
    assert waits(western, "web", "eastus"), "each service by its own primary"


def test_a_further_service_needs_configuration_alone(varied):
    labels = varied.inputs("web:WebApp", "labels-westus")
    assert labels["siteConfig"]["appCommandLine"] == "python -m portal.serve api", "it starts as configured"
    assert labels["tags"]["owner"] == "labels", "its owner is named on it"
    assert varied.inputs("cdn:Route", "route-labels-route")["patternsToMatch"] == ["/labels", "/labels/*"], "a route"
    assert "code-labels-eastus" in varied.of("Deployment"), "it gets its code"
    assert varied.inputs("cdn:AFDOrigin", "route-maps-westus")["hostName"] == "maps-west.example.com", \
        "a service with hosts of its own gets an origin group like any other"
    assert "maps-eastus" not in varied.of("web:WebApp"), "and no app"


def test_further_tags_reach_the_resources(varied):
    assert varied.inputs("web:WebApp", "web-eastus")["tags"]["cost"] == "42", "as configured"


def test_moving_the_writer_changes_roles_and_keeps_every_server_and_account(recorded, western):
    for kind in ("storage:StorageAccount", "dbforpostgresql:Server", "keyvault:Vault", "resources:ResourceGroup"):
        before, after = ({name: item.inputs["location"] for name, item in engine.of(kind).items()}
                         for engine in (recorded, western))
        assert before == after, f"{kind}: nothing that holds data may move or be replaced by a swap"
    first = western.inputs("dbforpostgresql:Server", "postgres-eastus")
    assert first == recorded.inputs("dbforpostgresql:Server", "postgres-eastus"), "a promotion has swapped the roles"
