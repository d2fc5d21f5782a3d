"""Identities and rights: each app can do its work and nothing else."""

import pytest

from components.identity import Role


def rights(engine, app, region):
    """(role, scope) of every right of one app in one region; roles of our own by the name of their definition."""
    found = [item.inputs for item in engine.of("authorization:RoleAssignment").values()
             if item.inputs["principalId"] == f"principal-identity-{app}-{region}"]
    return {(role_of(item), item["scope"]) for item in found}


def role_of(right):
    last = right["roleDefinitionId"].rsplit("/", 1)[1]
    return last if last.startswith("role-") else Role(last)


@pytest.mark.parametrize("app", ["web", "api"])
def test_a_web_app_sends_to_both_regions_and_never_takes_a_message(recorded, app):
    assert rights(recorded, app, "eastus") == {
        (Role.QUEUE_SENDER, "/id/queues-eastus"), (Role.QUEUE_SENDER, "/id/queues-westus"),
        (Role.QUEUE_READER, "/id/queues-eastus"), (Role.QUEUE_READER, "/id/queues-westus"),
        *((role, f"/id/blobs-{at}-{container}") for at in ("eastus", "westus") for role, container in (
            (Role.BLOB_CONTRIBUTOR, "bodies"), (Role.BLOB_CONTRIBUTOR, "photos"), (Role.BLOB_READER, "control"))),
        (Role.METRICS_PUBLISHER, "/id/monitoring-eastus-insights")}, "commands are made durable in two regions"


def test_the_worker_takes_messages_in_both_regions_and_owns_its_host_account(recorded):
    assert rights(recorded, "worker", "westus") == {
        (Role.QUEUE_CONTRIBUTOR, "/id/queues-eastus"), (Role.QUEUE_CONTRIBUTOR, "/id/queues-westus"),
        *((role, f"/id/blobs-{at}-{container}") for at in ("eastus", "westus") for role, container in (
            (Role.BLOB_CONTRIBUTOR, "bodies"), (Role.BLOB_CONTRIBUTOR, "photos"), (Role.BLOB_CONTRIBUTOR, "lake"),
            (Role.BLOB_READER, "control"))),
        ("role-states", "/id/blobs-westus-control"),
        (Role.BLOB_OWNER, "/id/host-westus"), (Role.QUEUE_CONTRIBUTOR, "/id/host-westus"),
        (Role.METRICS_PUBLISHER, "/id/monitoring-westus-insights")}, "a failed message is released, hence Contributor"


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_worker_writes_its_report_beside_the_control_state_and_nothing_else_there(recorded, region):
    right = recorded.inputs("authorization:RoleAssignment", f"may-worker-{region}-report")
    assert right["condition"].endswith("StringEquals 'worker.journal.json'))"), "one blob of the container"
    others = [item.inputs for item in recorded.of("authorization:RoleAssignment").values()
              if item.inputs["principalId"].startswith("principal-") and item.inputs["scope"].endswith("-control")
              and role_of(item.inputs) not in (Role.BLOB_READER, "role-states")]
    assert not others, "an app that could write a state could take a region's writes away"


@pytest.mark.parametrize("app", ["web", "api"])
def test_a_web_app_can_change_or_delete_neither_control_state_nor_the_lake(recorded, app):
    may = rights(recorded, app, "westus")
    assert not [scope for _, scope in may if scope in ("/id/blobs-eastus", "/id/blobs-westus")], \
        "a right to an account is one to delete each container in it, whatever its condition says of blobs"
    assert {role for role, scope in may if scope.endswith("-control")} == {Role.BLOB_READER}, "it obeys control state"
    assert not [scope for _, scope in may if scope.endswith("-lake")], "only workers know the lake"


def test_the_migrator_has_no_right_outside_the_database(recorded):
    assert rights(recorded, "migrator", "eastus") == set(), "it is the database's administrator, that is enough"


def test_the_edge_reads_static_content_and_nothing_else(recorded):
    found = [item.inputs for item in recorded.of("authorization:RoleAssignment").values()
             if item.inputs["principalId"] == "principal-identity-edge"]
    assert [(item["scope"], item["roleDefinitionId"].rsplit("/", 1)[1]) for item in found] == [
        ("/id/static-content-site", Role.BLOB_READER)], "one right, to read one container"


def test_no_right_is_broader_than_one_resource(recorded):
    scopes = {name: item.inputs["scope"] for name, item in recorded.of("authorization:RoleAssignment").items()}
    assert len(scopes) > 40, "all rights were looked at"
    wide = {name for name, scope in scopes.items() if not scope.startswith("/id/") or scope.startswith("/id/group-")}
    assert wide == {f"operator-000000000003-{what}" for what in ("stores-eastus", "stores-westus", "waiting-operations")
                    }, "only operators who rebuild a database need more than what is there"


def test_rights_of_identities_of_ours_name_their_type(recorded):
    for name, item in recorded.of("authorization:RoleAssignment").items():
        if "deployer" not in name and not name.startswith("operator-"):
            assert item.inputs["principalType"] == "ServicePrincipal", f"{name}: Entra may not know a new identity yet"


def test_an_app_waits_for_all_its_rights(recorded):
    for app in ("web", "api", "worker"):
        site = recorded.one("web:WebApp", f"{app}-eastus")
        own = {name for name in recorded.of("authorization:RoleAssignment") if name.startswith(f"may-{app}-eastus-")}
        assert own, f"{app} has rights"
        assert own <= site.after, f"{app} would start without {own - site.after}"


def test_deployers_may_write_the_sites_container_and_no_other(recorded):
    right = recorded.inputs("authorization:RoleAssignment", "may-deployer-0-write-static")
    assert right["scope"] == "/id/static-content-site", "what they upload lies there"


def test_whoever_runs_up_may_write_the_site_unless_deployers_are_named(recorded, varied):
    def writers(engine):
        return [(item.inputs["principalId"], item.inputs.get("principalType"))
                for name, item in engine.of("authorization:RoleAssignment").items() if "deployer" in name]
    assert writers(recorded) == [("00000000-0000-4000-8000-000000000003", "ServicePrincipal")], "who runs `up`"
    assert writers(varied) == [("00000000-0000-4000-8000-000000000009", "Group")], "those of the configuration instead"
