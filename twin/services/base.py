"""What the control plane and a service agree on.

A service realises Azure resource types as processes and files.  It sees the twin only through
`Cloud`; the concrete one is in `twin/cloud/`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from twin.home import Home
    from twin.runner import Runner

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"
DEPLOYER = "00000000-0000-4000-8000-000000000003"
"""Object id of whoever runs `pulumi up`: may do anything, asks for tokens without a client id."""

TokenHook = Callable[[str, str, float], Awaitable[None]]
"""(principal object id, token, expiry in Unix seconds); runs before the token is handed out."""


class TwinError(Exception):
    """The twin itself cannot go on; the text tells the limit, the value, the reason and the next act."""


class Held(TwinError):
    """A process that a fault keeps from running."""


class AzureError(Exception):
    """A request refused as Azure refuses it: its error code, a message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status

    def body(self) -> dict[str, Any]:
        """ARM's shape (https://learn.microsoft.com/azure/azure-resource-manager/management/common-deployment-errors)."""
        return {"error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True)
class Later:
    """An operation's answer: `work` goes on after ARM has answered 202; what it returns is the operation's result."""

    work: Callable[[], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True)
class Resource:
    """One resource as the program asked for it; `outputs` are {} until it is realised."""

    id: str
    type: str
    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)
    location: str = "global"
    """Normalised ("eastus"); "global" for what has none."""
    urn: str = ""
    """Which of the program's resources it is."""


Handler = Callable[["Cloud", Resource, dict[str, Any], dict[str, str]], Awaitable[dict[str, Any] | Later | None]]
"""(cloud, resource, body, query) of a Resource Manager operation, registered as twin/cloud/operations.py tells."""


def during_outage(handler: Handler) -> Handler:
    """Marks an operation that works on a resource whose region is down: a failover."""
    handler.during_outage = True
    return handler


class Service(Protocol):
    """One Azure service; each module in this package exposes an instance as `SERVICE`.

    Two services may claim one type (web apps and function apps are both `web:WebApp`): the control
    plane then asks each one's `serves(resource) -> bool`; a service without it serves all.
    A service whose work shows later has `async settled(cloud) -> None`, which waits for it, within reason.
    A service that runs posted code has `async publish(cloud, resource, directory, build) -> None`, which returns
    once every instance runs that build, and `async power(cloud, resource, verb) -> None`, verb start|stop|restart.
    A service that must know at once of a fault that comes or goes has `async faulted(cloud) -> None`.
    A module may export `OPERATIONS` beside it: what Resource Manager does to its types (twin/cloud/operations.py).
    """

    realised: frozenset[str]
    """Type tokens that run as processes or live in files."""
    recorded: frozenset[str]
    """Type tokens that only get Azure-shaped outputs."""

    async def put(self, cloud: "Cloud", resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """Creates or updates; returns the outputs. Raises AzureError. The same inputs again restart nothing."""

    async def delete(self, cloud: "Cloud", resource: Resource) -> None:
        """Ends what realises the resource; without complaint when that is gone already."""

    async def restore(self, cloud: "Cloud", resource: Resource) -> None:
        """After a restart of the daemon: starts its processes again from the record."""


class Ports(Protocol):
    """Ports are given by name and kept for the life of the home."""

    async def of(self, name: str) -> int:
        """The port of that name ("edge" is PORT); TwinError names the process that holds it when not ours."""

    def all(self) -> dict[str, int]:
        """Name -> port, of all that were ever asked for."""


@dataclass(frozen=True)
class Tls:
    """Files: `ca` (system roots and the twin's own), `own_ca` (only the twin's), `cert` and `key` for
    localhost and 127.0.0.1, `pem` (both in one, as HAProxy wants it)."""

    ca: Path
    own_ca: Path
    cert: Path
    key: Path
    pem: Path


class Identities(Protocol):
    """Entra ID and the managed-identity endpoint of the apps."""

    endpoint: str
    """Value of IDENTITY_ENDPOINT."""

    async def token(self, identity: str, audience: str) -> str:
        """A token for a client id or principal (object) id; cached until near its expiry, hooks run before."""

    def header_for(self, site_id: str) -> str:
        """Value of IDENTITY_HEADER for the app with that resource id."""

    def on_token(self, audience_suffix: str, hook: TokenHook) -> None:
        """`hook` runs for each fresh token whose audience (without a last "/") ends so."""

    def issued(self, audience_suffix: str) -> list[tuple[str, str, float]]:
        """(principal, token, expiry) of the tokens in force, for a server that starts after they were minted."""


class Vaults(Protocol):
    """The data plane of the key vaults."""

    def resolve(self, value: str) -> str:
        """The secret that an app setting refers to (`@Microsoft.KeyVault(...)`); the text itself when it is no
        reference or cannot be resolved, as App Service does."""

    def uri(self, name: str) -> str:
        """https://localhost:P/vaults/<name>/"""


class Deployments(Protocol):
    """The code that sites run."""

    def current(self, site: str) -> tuple[Path, str] | None:
        """(folder, build) that the site runs; None before the first successful deployment."""


class Faults(Protocol):
    """What is broken on purpose; regions by their normalised names."""

    lag: float
    """Seconds by which storage geo-replication is behind, 2 by default."""

    def down(self, region: str) -> bool:
        """Whether the whole region is killed or frozen: its management plane answers 503 as well."""

    def connected(self, a: str, b: str) -> bool:
        """Whether the network between two regions, or between "edge" and a region, is whole. A region that is down
        is not thereby cut off: ask `down` too."""

    def busy(self, account: str) -> bool:
        """Whether the storage account with that resource id answers 503 ServerBusy."""

    def clock_ahead(self, region: str) -> float:
        """Seconds by which the clocks of the region's storage are ahead of this machine's."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """`callback` runs in the daemon's loop after every change; it must not block."""


class Network(Protocol):
    """Links between regions that faults can cut or slow down."""

    async def through(self, origin: str, location: str, port: int) -> int:
        """The port by which `origin` (a region, or "edge") reaches what listens at `port` in the region `location`:
        the port itself within one region; always the same one for the same three."""

    async def follow(self) -> None:
        """Brings every link in line with the faults, and with where its target is now."""


@dataclass(frozen=True)
class Tools:
    """Executables: `azurite`, `redis`, `haproxy`, the folder of PostgreSQL's, the interpreter of the apps,
    `toxiproxy`."""

    azurite: Path
    redis: Path
    haproxy: Path
    postgres: Path
    python: Path
    toxiproxy: Path


class Cloud(Protocol):
    """What a service may use."""

    home: "Home"
    ports: Ports
    tls: Tls
    runner: "Runner"
    identities: Identities
    vaults: Vaults
    deployments: Deployments
    faults: Faults
    network: Network
    tools: Tools
    url: str
    """The daemon over HTTP: front ends forward the scm hosts to `<url>/scm/<site>/…`."""
    arm: str
    """The daemon over HTTPS, https://localhost:P."""
    environment: Mapping[str, str]
    """PATH (the interpreter's folder first), HOME, LANG, SSL_CERT_FILE, REQUESTS_CA_BUNDLE: the base of a process."""

    def get(self, id: str) -> Resource | None:
        """The realised resource with that id (case does not matter)."""

    def find(self, type: str, **inputs: Any) -> list[Resource]:
        """All of a type whose inputs equal the given ones."""

    def service(self, resource: Resource) -> Service:
        """Who realises it; AzureError when nobody does."""

    async def save_outputs(self, id: str, **changes: Any) -> None:
        """Merges changes into a resource's recorded outputs, None removes (ResourceNotFound when there is none)."""

    async def move(self, id: str, new: str) -> None:
        """Gives a resource another id outside the program, as a promotion does with virtual endpoints."""

    def later(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` 0.3 s after the last call with this key, one at a time per key; `settle` waits for it
        and reports what it raised."""
