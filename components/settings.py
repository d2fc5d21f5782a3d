"""App settings that the platform gives to each app; the names are those of shipments/settings.py."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native.web import NameValuePairArgs

from components.service import Kind, Service
from shipments.settings import Name

if typing.TYPE_CHECKING:
    from components.database import Database
    from components.edge import Edge
    from components.region import Region

MANAGED_IDENTITY = "managedidentity"
Settings = dict[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Neighbours:
    """What apps in one region are told of: the other region, the databases, the edge, and all SQL roles."""

    peer: Region
    database: Database
    edge: Edge
    roles: Mapping[str, pulumi.Input[str]]


def app_settings(region: Region, service: Service, neighbours: Neighbours) -> Settings:
    """Every setting of one app in one region."""
    identity = region.identities[service.name]
    platform = region.context.platform
    settings: Settings = {
        Name.SERVICE: service.name, Name.REGION: region.location, Name.PEER_REGION: neighbours.peer.location,
        Name.PRIMARY_REGION: platform.primary_of(service), Name.CLIENT_ID: identity.client_id,
        Name.MODE: service.mode, Name.DURABILITY: platform.durability, Name.WRITER_SERVICE: platform.writer.name,
        Name.REDIS_HOST: region.cache.host, Name.REDIS_USER: identity.principal_id,
        Name.DATABASE_HOST: neighbours.database.hosts[region.location],
        Name.DATABASE_PEER_HOST: neighbours.database.hosts[neighbours.peer.location],
        Name.DATABASE_NAME: platform.database.name, Name.DATABASE_USER: region.identity_name(service.name),
        Name.PORTAL_URL: neighbours.edge.url,
        **_storage(region, neighbours.peer, identity.client_id), **_monitoring(region, identity.client_id),
        **service.settings,
        **{name: region.vault.reference(secret) for name, secret in service.vault_settings.items()},
    }
    if service.kind == Kind.FUNCTION_APP:
        settings |= _worker(region, neighbours, identity.client_id)
    return settings


def _storage(region: Region, peer: Region, client_id: pulumi.Input[str]) -> Settings:
    """The Functions host reads `QUEUES` and `BLOBS` as identity-based connections."""
    return {
        Name.QUEUES: region.queues.queue_uri, Name.QUEUES_CREDENTIAL: MANAGED_IDENTITY,
        Name.QUEUES_CLIENT_ID: client_id, Name.PEER_QUEUES: peer.queues.queue_uri,
        Name.BLOBS: region.blobs.blob_uri, Name.BLOBS_CREDENTIAL: MANAGED_IDENTITY,
        Name.BLOBS_CLIENT_ID: client_id, Name.PEER_BLOBS: peer.blobs.blob_uri,
    }


def _monitoring(region: Region, client_id: pulumi.Input[str]) -> Settings:
    """https://learn.microsoft.com/azure/azure-functions/functions-app-settings#applicationinsights_authentication_string"""
    return {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": region.monitoring.connection,
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING":
            pulumi.Output.format("Authorization=AAD;ClientId={0}", client_id),
    }


def _worker(region: Region, neighbours: Neighbours, client_id: pulumi.Input[str]) -> Settings:
    """What the function host needs for itself, and what the migrator needs to make SQL roles.
    https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity"""
    return {
        "AzureWebJobsStorage__blobServiceUri": region.host.blob_uri,
        "AzureWebJobsStorage__queueServiceUri": region.host.queue_uri,
        "AzureWebJobsStorage__credential": MANAGED_IDENTITY, "AzureWebJobsStorage__clientId": client_id,
        Name.MIGRATOR_USER: region.identity_name("migrator"), Name.MIGRATOR_CLIENT_ID: region.migrator.client_id,
        Name.DATABASE_ROLES: pulumi.Output.json_dumps(dict(neighbours.roles)),
    }


def as_pairs(settings: Settings) -> list[NameValuePairArgs]:
    """Sorted, so that a preview shows only what changed."""
    return [NameValuePairArgs(name=str(name), value=settings[name]) for name in sorted(settings)]
