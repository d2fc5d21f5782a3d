"""Key Vault's data plane and references to it."""

from twin.cloud.vaults import OFFICER, USER, VALUE_LIMIT

VAULT = "https://vault.azure.net"
SECRETS = "/vaults/kv-east/secrets"
REFERENCE = "@Microsoft.KeyVault(VaultName=kv-east;SecretName=webhook)"


async def test_a_secret_is_written_and_read_in_versions(client, app_with_identity, bearer):
    headers = await bearer(VAULT)
    first, second = [(await client.put(f"{SECRETS}/webhook", json={"value": value}, headers=headers)).json()
                     for value in ("one", "two")]
    assert (await client.get(f"{SECRETS}/webhook", headers=headers)).json()["value"] == "two", "the newest by default"
    version = first["id"].rpartition("/")[2]
    old = await client.get(f"{SECRETS}/webhook/{version}", headers=headers)
    assert old.json()["value"] == "one", "an old one by its version"
    assert first["id"] != second["id"], "each write is a version"
    listed = (await client.get(SECRETS, headers=headers)).json()["value"]
    assert [("value" in entry, entry["id"]) for entry in listed] == [(False, second["id"])], "lists carry no values"


async def test_without_a_token_the_answer_tells_where_to_get_one(client, app_with_identity):
    answer = await client.get(f"{SECRETS}/webhook", headers={"Authorization": ""})
    assert answer.status_code == 401, "as Key Vault"
    assert 'resource="https://vault.azure.net"' in answer.headers["www-authenticate"], "clients rely on the challenge"


async def test_an_identity_needs_a_role_on_the_vault(client, app_with_identity, bearer, ids):
    headers = await bearer(VAULT, "c-1")
    body = {"value": "x"}
    refused = await client.put(f"{SECRETS}/webhook", json=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "Forbidden"), "no role, no access"
    await assign(app_with_identity, ids, USER)
    assert (await client.get(SECRETS, headers=headers)).status_code == 200, "a user of secrets reads"
    assert (await client.put(f"{SECRETS}/webhook", json=body, headers=headers)).status_code == 403, "and does not write"
    await assign(app_with_identity, ids, OFFICER)
    assert (await client.put(f"{SECRETS}/webhook", json=body, headers=headers)).status_code == 200, "an officer does"


async def assign(cloud, ids, role):
    await cloud.put(f"{ids.vault}/providers/Microsoft.Authorization/roleAssignments/{role}",
                    "azure-native:authorization:RoleAssignment", role,
                    {"scope": ids.vault, "principalId": "p-1", "roleDefinitionId": f"/x/roleDefinitions/{role}"})


async def test_what_is_missing_or_wrong_is_told(client, app_with_identity, bearer):
    headers = await bearer(VAULT)
    cases = [("GET", f"{SECRETS}/none", None, 404, "SecretNotFound"),
             ("GET", "/vaults/other/secrets/none", None, 404, "VaultNotFound"),
             ("PUT", f"{SECRETS}/bad_name", {"value": "x"}, 400, "BadParameter"),
             ("PUT", f"{SECRETS}/a", {"value": 1}, 400, "BadParameter"),
             ("PUT", f"{SECRETS}/a", {"value": "x" * (VALUE_LIMIT + 1)}, 400, "BadParameter")]
    for method, path, body, status, code in cases:
        answer = await client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), f"{method} {path}"


async def test_a_reference_resolves_and_stays_as_it_is_when_it_cannot(app_with_identity):
    vaults = app_with_identity.vaults
    assert vaults.resolve(REFERENCE) == REFERENCE, "as App Service: the app sees the reference"
    bundle = vaults.write("kv-east", "webhook", {"value": "https://hook"})
    assert vaults.resolve(REFERENCE) == "https://hook", "the newest version"
    assert vaults.resolve(f"@Microsoft.KeyVault(SecretUri={bundle['id']})") == "https://hook", "or by its uri"
    assert vaults.resolve("plain") == "plain", "anything else is no reference"


async def test_secrets_survive_a_restart_and_are_for_the_owner_only(app_with_identity, make_cloud, home):
    app_with_identity.vaults.write("kv-east", "webhook", {"value": "kept"})
    assert make_cloud().vaults.resolve(REFERENCE) == "kept", "they are data"
    assert (home.data / "vaults" / "kv-east.json").stat().st_mode & 0o077 == 0, "no one else reads them"
