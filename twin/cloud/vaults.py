"""Key Vault's data plane for secrets, and the references that app settings make to them.

https://learn.microsoft.com/rest/api/keyvault/secrets ; roles as in
https://learn.microsoft.com/azure/key-vault/general/rbac-guide . A vault lives at https://localhost:P/vaults/<name>/.
"""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from twin.cloud.identities import TokenEndpoint
from twin.home import Home, read_json, write_json
from twin.services.base import DEPLOYER, TENANT, AzureError, Resource

AUDIENCE = "https://vault.azure.net"
VAULT, ROLE_ASSIGNMENT = "azure-native:keyvault:Vault", "azure-native:authorization:RoleAssignment"
OFFICER, USER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "4633458b-17de-408a-b874-0445c86b69e6"
"""Role definitions Key Vault Secrets Officer and Key Vault Secrets User."""
NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
REFERENCE = re.compile(r"@Microsoft\.KeyVault\((.+)\)")
VALUE_LIMIT = 25_600
"""Bytes of a secret (https://learn.microsoft.com/azure/key-vault/secrets/about-secrets)."""


class SecretStore:
    """Secrets with their versions, one file per vault; values never reach a log or the registry."""

    def __init__(self, home: Home, arm: str, identities: TokenEndpoint, find: Callable[..., list[Resource]]):
        self._folder, self._arm, self._identities, self._find = home.data / "vaults", arm, identities, find
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def uri(self, name: str) -> str:
        """https://localhost:P/vaults/<name>/"""
        return f"{self._arm}/vaults/{name}/"

    def resolve(self, value: str) -> str:
        """The secret that an app setting refers to; the text itself when it is no reference or cannot be resolved
        (https://learn.microsoft.com/azure/app-service/app-service-key-vault-references)."""
        match = REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
        if not match:
            return value
        parts = dict(part.strip().split("=", 1) for part in match[1].split(";") if "=" in part)
        if uri := re.search(r"/vaults/([^/]+)/secrets/([^/]+)/?([^/]*)", parts.get("SecretUri", "")):
            parts = dict(zip(("VaultName", "SecretName", "SecretVersion"), uri.groups(), strict=True))
        try:
            return self.read(parts["VaultName"], parts["SecretName"], parts.get("SecretVersion", ""))["value"]
        except (KeyError, AzureError):
            return value

    def read(self, vault: str, name: str, version: str = "") -> dict[str, Any]:
        """The SecretBundle; the newest version by default. AzureError SecretNotFound."""
        versions = self._load(vault).get(name, [])
        found = [entry for entry in versions if version in ("", entry["id"].rpartition("/")[2])]
        if not found:
            raise AzureError("SecretNotFound", f"A secret with (name/id) {name}/{version} was not found in this key "
                             "vault.", 404)
        return found[-1]

    def write(self, vault: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Adds a version; returns its SecretBundle."""
        value = body.get("value")
        if not NAME.fullmatch(name) or not isinstance(value, str) or len(value.encode()) > VALUE_LIMIT:
            raise AzureError("BadParameter", f"A secret needs a name of letters, digits and dashes (at most 127; got "
                             f"{name!r}) and a text \"value\" of at most {VALUE_LIMIT} bytes.")
        secrets, now = self._load(vault), int(time.time())
        attributes = {"enabled": True, "created": now, "updated": now, "recoveryLevel": "Recoverable+Purgeable"}
        bundle = {"value": value, "id": f"{self.uri(vault)}secrets/{name}/{uuid.uuid4().hex}",
                  "attributes": attributes | (body.get("attributes") or {})}
        bundle |= {key: body[key] for key in ("contentType", "tags") if key in body}
        secrets.setdefault(name, []).append(bundle)
        write_json(self._folder / f"{vault.lower()}.json", secrets)
        return bundle

    def _load(self, vault: str) -> dict[str, list[dict[str, Any]]]:
        if not any(resource.name.lower() == vault.lower() for resource in self._find(VAULT)):
            raise AzureError("VaultNotFound", f"There is no key vault {vault}.", 404)
        return read_json(self._folder / f"{vault.lower()}.json", {})

    def _authorise(self, request: Request, vault: str, *roles: str) -> None:
        principal = self._identities.check(request.headers.get("authorization"), AUDIENCE)
        ids = [resource.id.lower() for resource in self._find(VAULT) if resource.name.lower() == vault.lower()]
        held = [entry.inputs for entry in self._find(ROLE_ASSIGNMENT, principalId=principal)]
        if principal != DEPLOYER and not any(
                entry["roleDefinitionId"].endswith(roles) and ids and ids[0].startswith(entry["scope"].lower())
                for entry in held):
            raise AzureError("Forbidden", f"Caller {principal} is not authorized on vault {vault}: it needs the role "
                             f"{' or '.join(roles)} on it.", 403)

    def routes(self) -> APIRouter:
        """GET and PUT of secrets below /vaults/<name>/."""
        router = APIRouter(prefix="/vaults/{vault}/secrets")

        @router.get("")
        def everything(vault: str, request: Request) -> dict[str, Any]:
            self._authorise(request, vault, OFFICER, USER)
            return _page([entries[-1] for entries in self._load(vault).values()])

        @router.get("/{name}/versions")
        def versions(vault: str, name: str, request: Request) -> dict[str, Any]:
            self._authorise(request, vault, OFFICER, USER)
            return _page(self._load(vault).get(name, []))

        @router.get("/{name}")
        @router.get("/{name}/{version}")
        def read(vault: str, name: str, request: Request, version: str = "") -> dict[str, Any]:
            self._authorise(request, vault, OFFICER, USER)
            return self.read(vault, name, version)

        @router.put("/{name}")
        def write(vault: str, name: str, body: dict[str, Any], request: Request) -> dict[str, Any]:
            self._authorise(request, vault, OFFICER)
            return self.write(vault, name, body)
        return router


def _page(bundles: list[dict[str, Any]]) -> dict[str, Any]:
    return {"value": [{key: bundle[key] for key in bundle if key != "value"} for bundle in bundles], "nextLink": None}


def challenge(error: AzureError) -> JSONResponse:
    """Azure's 401 tells clients where to get a token
    (https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses)."""
    where = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{AUDIENCE}"'
    return JSONResponse(error.body(), error.status, {"WWW-Authenticate": where} if error.status == 401 else None)
