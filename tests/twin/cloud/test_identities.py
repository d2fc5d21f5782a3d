"""Tokens and the managed-identity endpoint."""

import asyncio
import json
import time

import jwt
import pytest

from twin.services.base import DEPLOYER, AzureError

QUERY = {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}


async def ask(client, cloud, site, **query):
    headers = {"X-IDENTITY-HEADER": cloud.identities.header_for(site)}
    return await client.get("/msi/token", params=QUERY | query, headers=headers)


async def test_an_app_gets_a_token_of_its_identity_for_24_hours(client, app_with_identity, ids):
    answer = (await ask(client, app_with_identity, ids.site, client_id="c-1")).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert (claims["oid"], claims["appid"], claims["aud"]) == ("p-1", "c-1", QUERY["resource"]), "who and for what"
    assert claims["iss"].startswith("https://sts.windows.net/"), "the issuer that Azurite accepts"
    assert 299 < int(answer["expires_on"]) - time.time() <= 86700, "tokens change once a day, never at the last moment"


async def test_a_token_is_cached(client, app_with_identity, ids):
    first, second = [(await ask(client, app_with_identity, ids.site, client_id="c-1")).json() for _ in range(2)]
    assert first["access_token"] == second["access_token"], "the same until near its expiry"


async def test_an_identity_that_is_not_assigned_is_refused_as_app_service_does(client, app_with_identity, ids):
    for query in ({"client_id": "c-2"}, {}):
        answer = await ask(client, app_with_identity, ids.site, **query)
        assert answer.status_code == 400, "a wrong or missing client id"
        assert answer.json()["message"].startswith("No User Assigned"), "with App Service's words"


async def test_a_made_up_header_is_refused(client, app_with_identity, ids):
    good = app_with_identity.identities.header_for(ids.site)
    for header in ("", "x", good[:-1] + ("0" if good[-1] != "0" else "1"), "a.b.c", "\u00e9"):
        answer = await client.get("/msi/token", params=QUERY, headers={"X-IDENTITY-HEADER": header.encode()})
        assert answer.status_code == 403, f"{header!r} is nobody's"


async def test_the_deployer_needs_no_client_id(client, cloud):
    answer = await ask(client, cloud, DEPLOYER)
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["oid"] == DEPLOYER, "whoever runs the program"


async def test_hooks_run_before_a_fresh_token_is_handed_out_and_only_for_their_audience(app_with_identity):
    seen = []

    async def hook(principal, token, expires):
        seen.append((principal, token))
    identities = app_with_identity.identities
    identities.on_token("redis.azure.com", hook)
    await identities.token("c-1", "https://storage.azure.com/")
    token = await identities.token("c-1", "https://redis.azure.com/")
    await identities.token("p-1", "https://redis.azure.com/")
    assert seen == [("p-1", token)], "once: the second time it came from the cache"
    assert [entry[:2] for entry in identities.issued("redis.azure.com")] == [("p-1", token)], "a late server finds it"


async def test_many_that_ask_at_once_get_the_same_token(app_with_identity):
    seen = []

    async def slow(principal, token, expires):
        await asyncio.sleep(0.01)
        seen.append(token)
    identities = app_with_identity.identities
    identities.on_token("redis.azure.com", slow)
    tokens = await asyncio.gather(*(identities.token("c-1", "https://redis.azure.com") for _ in range(5)))
    assert (set(tokens), len(seen)) == (set(seen), 1), "the server knows one password: the one that all have"


async def test_a_near_expiry_makes_a_fresh_token(app_with_identity, monkeypatch):
    identities = app_with_identity.identities
    first = await identities.token("c-1", "https://redis.azure.com")
    later = time.time() + 86400 - 300
    monkeypatch.setattr(time, "time", lambda: later)
    assert await identities.token("c-1", "https://redis.azure.com") != first, "five minutes are too few"


async def test_only_tokens_of_this_twin_are_accepted(app_with_identity):
    forged = jwt.encode({"aud": "https://vault.azure.net", "oid": DEPLOYER, "exp": time.time() + 60}, "k" * 32, "HS256")
    with pytest.raises(AzureError, match="InvalidAuthenticationToken"):
        app_with_identity.identities.check(f"Bearer {forged}", "https://vault.azure.net")


async def test_tokens_outlive_a_restart_of_the_daemon(app_with_identity, make_cloud):
    token = await app_with_identity.identities.token("c-1", "https://vault.azure.net")
    assert make_cloud().identities.check(f"Bearer {token}", "https://vault.azure.net") == "p-1", "the key is kept"


async def test_nothing_of_a_key_is_in_an_answer(client, app_with_identity, ids, home):
    answer = await ask(client, app_with_identity, ids.site, client_id="c-1")
    assert (home.tls / "token.key").read_bytes().hex() not in json.dumps(answer.json()), "only the token leaves"
    assert (home.tls / "token.key").stat().st_mode & 0o077 == 0, "and the key is its owner's alone"
