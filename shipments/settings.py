"""The only contract between the platform and the apps: app settings, their names written once.

`components/` fills them, the web apps and the function app read them.  Hosts are `host[:port]`
with the service's own default port; URIs are service endpoints as the cloud reports them.
The names with a double underscore are the identity-based connections of the Functions host
(https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections),
so that triggers and SDK clients read the same setting.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from shipments.standing import Mode


class Name(StrEnum):
    """Every app setting that the apps read."""

    SERVICE = "SERVICE"
    REGION = "REGION"
    PEER_REGION = "PEER_REGION"
    PRIMARY_REGION = "PRIMARY_REGION"
    MODE = "MODE"
    DURABILITY = "DURABILITY"
    WRITER_SERVICE = "WRITER_SERVICE"
    JOURNAL_WITHOUT = "JOURNAL_WITHOUT"
    CLIENT_ID = "AZURE_CLIENT_ID"
    QUEUES = "QUEUES__queueServiceUri"
    QUEUES_CREDENTIAL = "QUEUES__credential"
    QUEUES_CLIENT_ID = "QUEUES__clientId"
    PEER_QUEUES = "PEER_QUEUES__queueServiceUri"
    BLOBS = "BLOBS__blobServiceUri"
    BLOBS_CREDENTIAL = "BLOBS__credential"
    BLOBS_CLIENT_ID = "BLOBS__clientId"
    PEER_BLOBS = "PEER_BLOBS__blobServiceUri"
    REDIS_HOST = "REDIS_HOST"
    REDIS_USER = "REDIS_USER"
    DATABASE_HOST = "DATABASE_HOST"
    DATABASE_PEER_HOST = "DATABASE_PEER_HOST"
    DATABASE_NAME = "DATABASE_NAME"
    DATABASE_USER = "DATABASE_USER"
    MIGRATOR_USER = "MIGRATOR_USER"
    MIGRATOR_CLIENT_ID = "MIGRATOR_CLIENT_ID"
    DATABASE_ROLES = "DATABASE_ROLES"
    PORTAL_URL = "PORTAL_URL"


COMMANDS, JOURNAL = "commands", "journal"
STATISTICS, NOTIFICATIONS, PHOTO_TASKS = "statistics", "notifications", "photos"
QUEUES = (COMMANDS, JOURNAL, STATISTICS, NOTIFICATIONS, PHOTO_TASKS)
POISON = "-poison"
"""Suffix of the queue that holds what its queue's trigger gave up on (Azure Functions' own rule)."""

BODIES, PHOTOS, CONTROL, LAKE = "bodies", "photos", "control", "lake"
CONTAINERS = (BODIES, PHOTOS, CONTROL, LAKE)

Durability = Literal["available", "strict"]
"""What becomes of a write that cannot be kept in both regions now: kept in one, or refused."""

Rule = Literal["journal", "let-go-late", "lineage"]
"""Rules of the journal that a drill leaves out, to show that what it guards against is then found."""


@dataclass(frozen=True)
class Settings:
    """The settings of one app in one region, as read from its environment."""

    service: str
    region: str
    peer_region: str
    primary_region: str
    client_id: str
    queues: str
    peer_queues: str
    blobs: str
    peer_blobs: str
    redis_host: str
    redis_user: str
    database_host: str
    database_peer_host: str
    database_name: str
    database_user: str
    portal_url: str = ""
    migrator_user: str = ""
    migrator_client_id: str = ""
    database_roles: Mapping[str, str] | None = None
    """SQL role name -> object id of the identity that signs in with it (worker only)."""
    mode: Mode = "automatic"
    durability: Durability = "available"
    writer_service: str = "worker"
    """The service that applies commands: its control document decides about the database."""
    journal_without: frozenset[Rule] = frozenset()
    """Empty but in drills."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Reads them all; raises ValueError that names every setting that is missing, or one that is wrong."""
        optional = {Name.PORTAL_URL, Name.MIGRATOR_USER, Name.MIGRATOR_CLIENT_ID}
        fields = {
            "service": Name.SERVICE, "region": Name.REGION, "peer_region": Name.PEER_REGION,
            "primary_region": Name.PRIMARY_REGION, "client_id": Name.CLIENT_ID,
            "queues": Name.QUEUES, "peer_queues": Name.PEER_QUEUES,
            "blobs": Name.BLOBS, "peer_blobs": Name.PEER_BLOBS,
            "redis_host": Name.REDIS_HOST, "redis_user": Name.REDIS_USER,
            "database_host": Name.DATABASE_HOST, "database_peer_host": Name.DATABASE_PEER_HOST,
            "database_name": Name.DATABASE_NAME, "database_user": Name.DATABASE_USER,
            "portal_url": Name.PORTAL_URL, "migrator_user": Name.MIGRATOR_USER,
            "migrator_client_id": Name.MIGRATOR_CLIENT_ID,
        }
        missing = [name.value for name in fields.values()
                   if name not in optional and not environment.get(name)]
        if missing:
            raise ValueError(f"app settings missing: {', '.join(missing)}; "
                             "the platform sets them, see shipments/settings.py")
        roles = json.loads(environment.get(Name.DATABASE_ROLES) or "{}")
        without = environment.get(Name.JOURNAL_WITHOUT, "").replace(" ", "").split(",")
        return cls(**{field: environment.get(name, "") for field, name in fields.items()}, database_roles=roles,
                   mode=_one_of(Mode, Name.MODE, environment.get(Name.MODE) or "automatic"),
                   durability=_one_of(Durability, Name.DURABILITY, environment.get(Name.DURABILITY) or "available"),
                   writer_service=environment.get(Name.WRITER_SERVICE) or "worker",
                   journal_without=frozenset(_one_of(Rule, Name.JOURNAL_WITHOUT, rule) for rule in without if rule))


def host_and_port(value: str, default: int) -> tuple[str, int]:
    """`db.example:6432` -> ("db.example", 6432); without a port, the service's default one."""
    parts = urlsplit(f"//{value}")
    return parts.hostname or value, parts.port or default


def _one_of(kind: Any, name: Name, value: str) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"app setting {name} is {value[:40]!r}; it may be {' or '.join(get_args(kind))}")
    return value
