"""Entra ID in small: tokens, and the managed-identity endpoint that apps ask for them.

Protocol: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
(api-version 2019-08-01); `DefaultAzureCredential` uses it wherever IDENTITY_ENDPOINT and IDENTITY_HEADER are set.
The issuer and the claims are those that Azurite checks
(https://learn.microsoft.com/azure/storage/common/storage-use-azurite#oauth-configuration).
"""

import asyncio
import base64
import hmac
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import jwt
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from twin.services.base import DEPLOYER, TENANT, AzureError, Resource, TokenHook

LIFE = 24 * 3600
"""Seconds; managed-identity tokens live 24 hours (same page, "token caching")."""
NEAR_EXPIRY = 300
"""Seconds before its expiry at which a token gives way to the next one; the SDK asks again at the same moment."""
MANAGEMENT = ("https://management.azure.com", "https://management.core.windows.net")
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
Lookup = Callable[[str], Resource | None]


class TokenEndpoint:
    """Mints, caches and checks tokens; `get` finds resources by id, `everything` lists them."""

    def __init__(self, key_file: Path, url: str, get: Lookup, everything: Callable[[], list[Resource]]):
        self.endpoint = f"{url}/msi/token"
        self._key, self._get, self._everything = _key(key_file), get, everything
        self._hooks: list[tuple[str, TokenHook]] = []
        self._issued: dict[tuple[str, str], tuple[str, float]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def on_token(self, audience_suffix: str, hook: TokenHook) -> None:
        """`hook` runs for each fresh token whose audience (without a last "/") ends so."""
        self._hooks.append((audience_suffix, hook))

    def issued(self, audience_suffix: str) -> list[tuple[str, str, float]]:
        """(principal, token, expiry) of the tokens in force."""
        return [(principal, token, expires) for (principal, audience), (token, expires) in self._issued.items()
                if audience.rstrip("/").endswith(audience_suffix) and expires > time.time()]

    async def token(self, identity: str, audience: str) -> str:
        """A token for a client id or principal id; cached until near its expiry, hooks run before."""
        return (await self.grant(*self._ids(identity), audience))[0]

    async def grant(self, principal: str, client: str, audience: str) -> tuple[str, float]:
        """(token, expiry in Unix seconds)."""
        async with self._locks[principal, audience]:
            known = self._issued.get((principal, audience))
            if known and known[1] - time.time() > NEAR_EXPIRY:
                return known
            token, expires = self._mint(principal, client, audience)
            for suffix, hook in self._hooks:
                if audience.rstrip("/").endswith(suffix):
                    await hook(principal, token, expires)
            self._issued[principal, audience] = token, expires
            return token, expires

    def _mint(self, principal: str, client: str, audience: str) -> tuple[str, int]:
        """The same token all day long, a restart of the daemon included: as a database's password there is one."""
        began = int(time.time() + NEAR_EXPIRY) // LIFE * LIFE - NEAR_EXPIRY
        expires = began + LIFE + NEAR_EXPIRY
        claims = {"aud": audience, "iss": f"https://sts.windows.net/{TENANT}/", "iat": began, "nbf": began,
                  "exp": expires, "oid": principal, "sub": principal, "appid": client, "tid": TENANT,
                  "idtyp": "app", "ver": "1.0"}
        return jwt.encode(claims, self._key, "HS256"), expires

    def check(self, authorization: str | None, *audiences: str) -> str:
        """The principal id that a header `Bearer …` proves; AzureError 401 otherwise."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise AzureError("AuthenticationFailed", "The 'Authorization' header has no Bearer token.", 401)
        try:
            accepted = [audience + end for audience in audiences for end in ("", "/")]
            return jwt.decode(token, self._key, ["HS256"], audience=accepted)["oid"]
        except jwt.PyJWTError as error:
            raise AzureError("InvalidAuthenticationToken", f"The access token is not accepted: {error}. "
                             f"Ask for one with the scope {audiences[0]}/.default.", 401) from error

    def check_deployer(self, authorization: str | None) -> None:
        """AzureError 401 as above, 403 for an app's own identity, which has roles on data only."""
        if (principal := self.check(authorization, *MANAGEMENT)) != DEPLOYER:
            raise AzureError("AuthorizationFailed", f"The client '{principal}' does not have authorization to perform "
                             "this action; sign in as who runs `pulumi up`.", 403)

    def header_for(self, site_id: str) -> str:
        """Value of IDENTITY_HEADER: the app's id and a signature, so that none can be made up."""
        name = base64.urlsafe_b64encode(site_id.lower().encode()).decode()
        return f"{name}.{hmac.digest(self._key, site_id.lower().encode(), 'sha256').hex()}"

    def asked_by(self, header: str) -> str | None:
        """The id that `header_for` made the header of."""
        try:
            site = base64.urlsafe_b64decode(header.partition(".")[0].encode()).decode()
        except ValueError:
            return None
        return site if hmac.compare_digest(self.header_for(site).encode(), header.encode()) else None

    def assigned(self, site_id: str, query: dict[str, str]) -> tuple[str, str] | None:
        """(principal, client) of the identity that an app asks for, if it is its own."""
        if site_id == DEPLOYER:
            return DEPLOYER, DEPLOYER
        site = self._get(site_id)
        identities = list((site.inputs.get("identity") or {}).get("userAssignedIdentities") or []) if site else []
        for identity in filter(None, map(self._get, identities)):
            names = {"client_id": identity.outputs.get("clientId"), "principal_id": identity.outputs.get("principalId"),
                     "mi_res_id": identity.id}
            asked = [(key, value) for key, value in query.items() if key in names]
            if asked and all(str(names[key]).lower() == value.lower() for key, value in asked):
                return identity.outputs["principalId"], identity.outputs["clientId"]
        return None

    def _ids(self, identity: str) -> tuple[str, str]:
        for resource in self._everything():
            own = resource.outputs if resource.type == IDENTITY else resource.outputs.get("identity") or {}
            if identity in (own.get("clientId"), own.get("principalId")):
                return own["principalId"], own.get("clientId", identity)
        if identity == DEPLOYER:
            return DEPLOYER, DEPLOYER
        raise AzureError("IdentityNotFound", f"No identity has the client or principal id {identity}.", 404)

    def routes(self) -> APIRouter:
        """GET /msi/token."""
        router = APIRouter()

        @router.get("/msi/token")
        async def token(request: Request) -> JSONResponse:
            query = dict(request.query_params)
            site = self.asked_by(request.headers.get("x-identity-header", ""))
            if not site:
                return _refuse(403, "The X-IDENTITY-HEADER is missing or is not this app's.")
            if query.get("api-version") != "2019-08-01" or not query.get("resource"):
                return _refuse(400, "The query needs resource and api-version=2019-08-01.")
            identity = self.assigned(site, query)
            if not identity:
                return _refuse(400, "No User Assigned or Delegated Managed Identity found for specified "
                                    "ClientId/ResourceId/PrincipalId.")
            value, expires = await self.grant(*identity, query["resource"])
            return JSONResponse({"access_token": value, "expires_on": str(int(expires)), "resource": query["resource"],
                                 "token_type": "Bearer", "client_id": identity[1]})
        return router


def _refuse(status: int, message: str) -> JSONResponse:
    return JSONResponse({"statusCode": status, "message": message}, status)


def _key(file: Path) -> bytes:
    """The signing key, made once per home: tokens outlive a restart of the daemon."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(os.urandom(32))
    return file.read_bytes()
