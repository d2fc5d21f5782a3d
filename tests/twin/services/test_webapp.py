"""Web apps behind their region's front end: real processes, real HAProxy."""

import asyncio

import pytest

from tests.twin.services.sites import APP, ask, deploy, eventually, make_site
from twin.services import functionapp
from twin.services.base import AzureError, TwinError


async def test_before_any_code_an_app_answers_503_and_afterwards_with_its_settings(cloud, arm):
    identity = await arm.identity("web")
    site = await make_site(arm, "web-east", workers=2, settings={"SERVICE": "web", "REGION": "eastus"},
                           identity=arm.id("Microsoft.ManagedIdentity/userAssignedIdentities/web"))
    url = f"https://{site['defaultHostName']}"
    assert (await ask(cloud, "GET", url)).status_code == 503, "no code is deployed yet"
    hosts = {state["hostType"]: state["name"] for state in site["hostNameSslStates"]}
    assert hosts["Standard"] == site["defaultHostName"] != hosts["Repository"], "the deployment host is told apart"

    await deploy(cloud, "web-east", "aaa111")
    answers = [(await ask(cloud, "GET", f"{url}/x?y=%20z")).json() for _ in range(6)]
    environment = answers[0]["environment"]
    assert environment["SERVICE"] == "web", "app settings are the app's environment"
    assert environment["IDENTITY_HEADER"] and environment["IDENTITY_ENDPOINT"], "it can ask for tokens"
    assert {answer["environment"]["WEBSITE_INSTANCE_ID"] for answer in answers} == \
        {answer["environment"]["WEBSITE_INSTANCE_ID"] for answer in answers}, "instances have ids"
    assert len({answer["environment"]["PORT"] for answer in answers}) == 2, "both instances of the plan serve"
    assert answers[0]["path"] == "/x?y=%20z" and answers[0]["headers"]["x-forwarded-proto"] == "https", \
        "the request arrives as it was sent, with what the front end adds"
    assert site["identity"]["userAssignedIdentities"][identity["id"] if "id" in identity else arm.id(
        "Microsoft.ManagedIdentity/userAssignedIdentities/web")]["principalId"] == identity["principalId"], \
        "the identity's principal is in the outputs"


async def test_new_code_and_changed_settings_replace_instances_without_a_failed_request(cloud, arm):
    site = await make_site(arm, "web-east", workers=2, settings={"COLOUR": "red"})
    await deploy(cloud, "web-east", "aaa111")
    url, statuses, stop = f"https://{site['defaultHostName']}/", [], asyncio.Event()

    async def load():
        while not stop.is_set():
            statuses.append((await ask(cloud, "GET", url)).status_code)

    loading = asyncio.create_task(load())
    await deploy(cloud, "web-east", "bbb222")
    assert (await ask(cloud, "GET", url)).json()["build"] == "bbb222", "publish returns when the new build serves"
    await make_site(arm, "web-east", workers=2, settings={"COLOUR": "blue"})
    assert (await ask(cloud, "GET", url)).json()["environment"]["COLOUR"] == "blue", "a setting reaches the instances"
    pids = [process.pid for process in cloud.runner.all() if process.spec.service == "web"]
    await make_site(arm, "web-east", workers=2, settings={"COLOUR": "blue"})
    assert pids == [process.pid for process in cloud.runner.all() if process.spec.service == "web"], \
        "the same again restarts nothing"
    stop.set()
    await loading
    assert len(statuses) > 10 and set(statuses) == {200}, "no request failed meanwhile"
    assert len(pids) == 2, "the old instances ended"


async def test_code_that_does_not_start_leaves_the_old_code_serving(cloud, arm):
    site = await make_site(arm, "web-east")
    await deploy(cloud, "web-east", "aaa111")
    with pytest.raises(TwinError, match="cannot start"):
        await deploy(cloud, "web-east", "bbb222", broken="start")
    answer = await ask(cloud, "GET", f"https://{site['defaultHostName']}/")
    assert answer.json()["build"] == "aaa111", "the old build goes on"


async def test_an_instance_that_started_beside_one_that_did_not_is_ended(cloud, arm):
    site = await make_site(arm, "web-east", workers=2)
    await deploy(cloud, "web-east", "aaa111")
    serving = {process.pid for process in cloud.runner.all() if process.spec.service == "web"}
    alone = "import os\nos.close(os.open('claimed', os.O_CREAT | os.O_EXCL))\n" + APP
    with pytest.raises(TwinError, match="FileExistsError"):
        await deploy(cloud, "web-east", "bbb222", **{"app.py": alone})
    left = {process.pid for process in cloud.runner.all() if process.spec.service == "web"}
    assert left == serving, "no instance of a refused build goes on unseen, at the queues and the database"
    assert (await ask(cloud, "GET", f"https://{site['defaultHostName']}/")).json()["build"] == "aaa111", "as before"


async def test_a_plan_that_grows_adds_instances_and_touches_no_other(cloud, arm):
    await make_site(arm, "web-east")
    await deploy(cloud, "web-east", "aaa111")
    first = {process.pid for process in cloud.runner.all() if process.spec.service == "web"}
    await make_site(arm, "web-east", workers=3)
    assert not await cloud.settle(), "everything is healthy"
    now = {process.pid for process in cloud.runner.all() if process.spec.service == "web"}
    assert len(now) == 3 and first < now, "two were added to the one that runs"


async def test_only_the_front_door_with_the_right_id_comes_in(cloud, arm):
    site = await make_site(arm, "web-east", ipSecurityRestrictionsDefaultAction="Deny", ipSecurityRestrictions=[
        {"name": "edge", "action": "Allow", "priority": 100, "tag": "ServiceTag",
         "ipAddress": "AzureFrontDoor.Backend", "headers": {"x-azure-fdid": ["11111111-2222"]}}])
    await deploy(cloud, "web-east", "aaa111")
    url = f"https://{site['defaultHostName']}/"
    assert (await ask(cloud, "GET", url)).status_code == 403, "a stranger is refused"
    assert (await ask(cloud, "GET", url, headers={"X-Azure-FDID": "else"})).status_code == 403, "another one's edge too"
    assert (await ask(cloud, "GET", url, headers={"X-Azure-FDID": "11111111-2222"})).status_code == 200, "ours is not"


async def test_an_app_can_be_stopped_and_started(cloud, arm):
    site = await make_site(arm, "web-east")
    await deploy(cloud, "web-east", "aaa111")
    url = f"https://{site['defaultHostName']}/"
    await cloud.service(cloud.site("web-east")).power(cloud, cloud.site("web-east"), "stop")
    assert (await ask(cloud, "GET", url)).status_code == 403, "a stopped app answers as App Service does"
    assert cloud.site("web-east").outputs["state"] == "Stopped", "its state says so"
    await cloud.service(cloud.site("web-east")).power(cloud, cloud.site("web-east"), "start")
    assert (await ask(cloud, "GET", url)).status_code == 200, "it serves again"


async def test_a_dead_instance_is_not_asked_and_comes_back(cloud, arm):
    site = await make_site(arm, "web-east", workers=2)
    await deploy(cloud, "web-east", "aaa111")
    url = f"https://{site['defaultHostName']}/"
    died = await ask(cloud, "POST", url, content="die")
    assert died.status_code == 502, "a POST is not sent again to another instance"
    assert [(await ask(cloud, "GET", url)).status_code for _ in range(8)] == [200] * 8, "reads go to the living one"

    async def both():
        return len({(await ask(cloud, "GET", url)).json()["environment"]["PORT"] for _ in range(4)}) == 2
    await eventually(both)


async def test_an_app_without_plan_or_start_command_is_refused_by_name(arm):
    with pytest.raises(AzureError, match=r"lonely.*plan"):
        await arm.put("web:WebApp", "Microsoft.Web/sites/lonely", location="eastus", kind="app,linux",
                      serverFarmId=arm.id("Microsoft.Web/serverfarms/none"))


async def test_a_vault_reference_becomes_the_secret_and_stays_as_it_is_while_there_is_none(cloud, arm):
    vault = await arm.put("keyvault:Vault", "Microsoft.KeyVault/vaults/kv-east", location="eastus", properties={})
    assert vault["properties"]["vaultUri"].endswith("/vaults/kv-east/"), "the vault says where it is"
    reference = "@Microsoft.KeyVault(VaultName=kv-east;SecretName=hook)"
    site = await make_site(arm, "web-east", settings={"HOOK": reference})
    await deploy(cloud, "web-east", "aaa111")
    url = f"https://{site['defaultHostName']}/"
    assert (await ask(cloud, "GET", url)).json()["environment"]["HOOK"] == reference, "as App Service leaves it"
    cloud.vaults.write("kv-east", "hook", {"value": "https://hook.example"})
    await make_site(arm, "web-east", settings={"HOOK": reference, "X": "1"})
    assert (await ask(cloud, "GET", url)).json()["environment"]["HOOK"] == "https://hook.example", "the secret itself"


async def test_apps_and_their_front_end_come_back_after_a_restart(cloud, arm):
    site = await make_site(arm, "web-east", workers=2, settings={"COLOUR": "red"})
    await deploy(cloud, "web-east", "aaa111")
    await deploy(cloud, "web-east", "bbb222")
    for process in cloud.runner.all():
        await cloud.runner.stop(process.spec.name)
    await cloud.restore()
    assert not await cloud.settle(), "everything is back"
    answer = (await ask(cloud, "GET", f"https://{site['defaultHostName']}/")).json()
    assert (answer["build"], answer["environment"]["COLOUR"]) == ("bbb222", "red"), "with its code and settings"


async def test_a_function_app_runs_its_package_in_the_functions_host(cloud, arm):
    await arm.put("web:AppServicePlan", "Microsoft.Web/serverfarms/flex", location="eastus", sku={"name": "FC1"})
    site = await arm.put("web:WebApp", "Microsoft.Web/sites/worker-east", location="eastus", kind="functionapp,linux",
                         serverFarmId=arm.id("Microsoft.Web/serverfarms/flex"),
                         functionAppConfig={"scaleAndConcurrency": {"maximumInstanceCount": 40}},
                         siteConfig={"appSettings": [{"name": "GREETING", "value": "hello"}]})
    await deploy(cloud, "worker-east", "fff111", **{
        "host.json": '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}',
        "function_app.py": "import os\nimport azure.functions as func\napp = func.FunctionApp()\n"
                           "@app.route('greet', auth_level=func.AuthLevel.ANONYMOUS)\n"
                           "def greet(req: func.HttpRequest) -> func.HttpResponse:\n"
                           "    return func.HttpResponse(os.environ['GREETING'])\n"})
    answer = await ask(cloud, "GET", f"https://{site['defaultHostName']}/greet")
    assert (answer.status_code, answer.text) == (200, "hello"), "the function answers with its app setting"
    command = next(process.spec.command for process in cloud.runner.all() if "worker" in process.spec.name)
    workers = command[command.index("--max-workers") + 1]
    assert workers == str(functionapp.WORKERS), "no more than this machine has cores for"
