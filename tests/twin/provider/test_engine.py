"""The real engine runs programs against the provider and a control plane that only remembers; one story, in order."""

import json
import os
import subprocess
import sys

import pulumi
import pytest
from pulumi_azure_native import authorization, resources, storage

from twin import engine
from twin.home import Home

STACK = "primary"


class Story:
    """A small program whose settings the tests change between runs."""

    def __init__(self) -> None:
        self.account, self.seen = {}, {}

    def __call__(self) -> None:
        client = authorization.get_client_config()
        group = resources.ResourceGroup("group", resource_group_name="rg-east", location="eastus")
        account = storage.StorageAccount(
            "account", resource_group_name=group.name, account_name="tracking1", kind="StorageV2",
            location=self.account.get("location", "eastus"), sku={"name": self.account.get("sku", "Standard_LRS")},
            tags={"owner": self.account.get("owner", "platform")})
        storage.Queue("commands", resource_group_name=group.name, account_name=account.name,
                      metadata={"password": pulumi.Output.secret("hush-hush")})
        authorization.RoleAssignment("reader", scope=account.id, principal_id=client.object_id, role_definition_id=(
            "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/" + client.object_id))
        storage.BlobContainer("photos", resource_group_name=group.name, account_name=account.name)
        self.seen.clear()
        for name in ("name", "location", "primary_location"):
            getattr(account, name).apply(lambda value, name=name: self.seen.update({name: value}))
        pulumi.export("place", account.primary_location)


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def steps(outcome: engine.Outcome) -> dict[str, str]:
    """{resource name: operation} of what changes, the stack itself aside."""
    return {s["name"]: s["op"] for s in outcome.steps if s["type"].startswith("azure-native:")}


def test_a_first_preview_creates_everything_and_asks_no_one(cloud, story) -> None:
    found = engine.preview(cloud.home, STACK, program=story)
    assert set(steps(found).values()) == {"create"} and len(steps(found)) == 5, "everything is new"
    assert cloud.calls == [], "a preview never contacts the control plane"
    assert story.seen == {"location": "eastus"}, "of a resource that is not there only its inputs are known"
    assert not (cloud.home.root / "state").exists(), "a preview of an empty home leaves no state"
    assert "6 resources: 6 create" in list(found.told())[-1], "the last line counts them, with the stack"


def test_up_creates_and_a_second_one_changes_nothing(cloud, story) -> None:
    first = engine.up(cloud.home, STACK, program=story)
    assert first.outputs == {"place": "eastus"}, "outputs come from the control plane"
    assert engine.export(cloud.home, STACK) == {"place": "eastus"}, "and can be read without the engine"
    assert "hush-hush" not in engine._checkpoint(cloud.home, STACK).read_text(), "a secret is kept encrypted"
    cloud.calls.clear()
    second = engine.up(cloud.home, STACK, program=story)
    assert not second.changed and cloud.calls == [], "the same program again touches nothing"


def test_an_update_keeps_only_name_and_location_known(cloud, story) -> None:
    story.account["owner"] = "someone"
    found = engine.preview(cloud.home, STACK, program=story)
    assert steps(found) == {"account": "update"}, "one tag, one update"
    assert story.seen == {"name": "tracking1", "location": "eastus"}, "other outputs may change with an update"
    story.account.clear()


def test_another_region_replaces_after_deleting(cloud, story) -> None:
    story.account["location"] = "westus"
    found = engine.preview(cloud.home, STACK, program=story)
    order = [s["op"] for s in found.steps if s["name"] == "account"]
    assert order[0] == "delete-replaced" and "create-replacement" in order, "a given name must be free before"
    story.account.clear()


def test_refresh_brings_drift_into_the_inputs_and_up_undoes_it(cloud, story) -> None:
    cloud.outputs["tracking1"] = {"sku": {"name": "Standard_GRS", "tier": "Standard"}}
    drift = engine.refresh(cloud.home, STACK, program=story)
    assert steps(drift) == {"account": "update"}, "the account is not what it was"
    found = engine.preview(cloud.home, STACK, program=story)
    assert steps(found) == {"account": "update"}, "the program still says what it said"
    cloud.outputs.clear()
    engine.up(cloud.home, STACK, program=story)


def test_a_resource_that_vanished_is_created_again(cloud, story) -> None:
    gone = next(i for i in cloud.stored if i.endswith("/queues/commands"))
    del cloud.stored[gone]
    assert steps(engine.refresh(cloud.home, STACK, program=story)) == {"commands": "delete"}, "refresh sees it gone"
    assert steps(engine.up(cloud.home, STACK, program=story)) == {"commands": "create"}, "and only that is created"


def test_an_existing_resource_is_imported(cloud, story) -> None:
    there = next(i for i in cloud.stored if i.endswith("/queues/commands"))

    def adopting() -> None:
        story()
        storage.Queue("adopted", resource_group_name="rg-east", account_name="tracking1", queue_name="old",
                      opts=pulumi.ResourceOptions(import_=there.replace("commands", "old")))

    cloud.stored[there.replace("commands", "old")] = {"accountName": "tracking1", "queueName": "old"}
    assert steps(engine.up(cloud.home, STACK, program=adopting)) == {"adopted": "import"}, "nothing is created"


def test_the_control_planes_refusal_is_the_resources_error(cloud, story) -> None:
    def more() -> None:
        story()
        storage.QueueServiceProperties("more", resource_group_name="rg-east", account_name="tracking1",
                                       queue_service_name="default")

    cloud.refuse["azure-native:storage:QueueServiceProperties"] = (409, "ServerBusy", "try later")
    with pytest.raises(engine.EngineError, match=r'more: .*Status=409 Code="ServerBusy" Message="try later"'):
        engine.up(cloud.home, STACK, program=more)
    cloud.refuse.clear()


def test_a_wrong_resource_stops_the_preview_with_its_reason(cloud, story) -> None:
    story.account["sku"] = "Standard_GZRS"
    story.account["location"] = "westus"
    with pytest.raises(engine.EngineError, match="RedundancyConfigurationNotAvailableInRegion"):
        engine.preview(cloud.home, STACK, program=story)
    story.account.clear()


def test_a_stale_lock_is_released_and_a_live_one_is_not(cloud, story) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    locks = cloud.home.root / "state/.pulumi/locks/organization/tracking/primary"
    locks.mkdir(parents=True, exist_ok=True)
    for name, pid in (("stale", ended.pid), ("live", os.getpid())):
        content = {"pid": pid, "username": "x", "timestamp": "2026-01-01T00:00:00Z"}
        (locks / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(engine.EngineError, match="locked"):
        engine.up(cloud.home, STACK, program=story)
    assert [p.name for p in locks.iterdir()] == ["live.json"], "only the lock of a process that is gone is removed"
    (locks / "live.json").unlink()


def test_destroy_deletes_everything(cloud, story) -> None:
    engine.destroy(cloud.home, STACK, program=story)
    assert cloud.stored == {}, "nothing of the stack is left"


def test_without_a_control_plane_up_says_what_to_do(tmp_path, story) -> None:
    with pytest.raises(engine.EngineError, match=r"TwinNotRunning.*make up"):
        engine.up(Home(tmp_path), STACK, program=story)


def test_an_unknown_stack_is_refused(tmp_path, story) -> None:
    with pytest.raises(engine.EngineError, match="there is no stack nowhere"):
        engine.preview(Home(tmp_path), "nowhere", program=story)


def test_another_azure_native_is_noticed(tmp_path, story, monkeypatch) -> None:
    other = tmp_path / "pulumi-resource-azure-native"
    ours = engine.SHIMS / other.name
    other.write_text(f"#!/bin/sh\nunset TWIN_PROVIDER_MARK\nexec {ours} \"$@\"\n")
    other.chmod(0o755)
    monkeypatch.setattr(engine, "SHIMS", tmp_path)
    with pytest.raises(engine.EngineError, match="did not load the twin's azure-native provider"):
        engine.preview(Home(tmp_path / "home"), STACK, program=story)


def test_nothing_outlives_a_run() -> None:
    running = subprocess.run(["ps", "-eo", "ppid,pid,args"], capture_output=True, text=True, check=True).stdout
    orphans = [line for line in running.splitlines() if "-m twin.provider 127" in line and line.split()[0] == "1"]
    assert orphans == [], "a provider ends with its engine"
