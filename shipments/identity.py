"""Who the app is: Entra tokens of its managed identity, and the certificates it trusts.

ManagedIdentityCredential rather than DefaultAzureCredential, which tries other sources first and so starts slowly; it
keeps tokens and renews them ahead of expiry:
https://learn.microsoft.com/python/api/azure-identity/azure.identity.aio.managedidentitycredential
"""

import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import certifi
from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import ManagedIdentityCredential

POSTGRES = "https://ossrdbms-aad.database.windows.net/.default"
"""https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-connect-with-managed-identity"""
REDIS = "https://redis.azure.com/.default"
"""https://learn.microsoft.com/azure/redis/entra-for-authentication"""

Password = Callable[[], Awaitable[str]]


def managed_identity(client_id: str) -> AsyncTokenCredential:
    """The user-assigned identity of this app."""
    return ManagedIdentityCredential(client_id=client_id)


def password(credential: AsyncTokenCredential, scope: str) -> Password:
    """A password that is a fresh token each time it is asked for."""
    return partial(_token, credential, scope)


async def _token(credential: AsyncTokenCredential, scope: str) -> str:
    return (await credential.get_token(scope)).token


def ca_file() -> str:
    """Path of the trusted roots: `SSL_CERT_FILE`, else the system's bundle, else certifi's."""
    return ssl.get_default_verify_paths().cafile or certifi.where()
