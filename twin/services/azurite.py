"""The Azurite processes of an account: one where it is written, one where a read-access account's copy is read.

https://learn.microsoft.com/azure/storage/common/storage-use-azurite (start options, OAuth, HTTPS).  Both load
`azurite.cjs`.  The account's key is random, known to its processes and the twin alone and never handed out.

<home>/data/<account>/ holds account.key, state.json (what azurite_access.cjs obeys) and a folder per region with data.
"""

import base64
import json
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx

from twin.home import write_json
from twin.runner import ProcessSpec, Tcp
from twin.services import storageroles
from twin.services.base import DEPLOYER, AzureError, Cloud, Resource
from twin.services.redundancy import peer, primary

ACCOUNT = "azure-native:storage:StorageAccount"
PRELOAD = Path(__file__).with_name("azurite.cjs")
COPY = "copy.json"
"""In the second region's folder; its time is that of the last complete copy."""
ANSWERS_WITHIN = 5.0
STOP_WITHIN = 10.0
"""Seconds; it ends in less than one, unless the machine has no time for it: killed, it would forget its last writes."""


def process_name(account: Resource, secondary: bool = False) -> str:
    """Name of a process of the account."""
    return f"storage-{account.name}" + ("-secondary" if secondary else "")


async def ports(cloud: Cloud, account: Resource, secondary: bool = False) -> tuple[int, int]:
    """(blob, queue) ports; they stay when a failover moves the account."""
    end = "-secondary" if secondary else ""
    blob, queue = [await cloud.ports.of(f"storage-{account.name}-{kind}{end}") for kind in ("blob", "queue")]
    return blob, queue


def home(cloud: Cloud, account: Resource) -> Path:
    """Everything of the account."""
    return cloud.home.data / account.name


def folder(cloud: Cloud, account: Resource, region: str) -> Path:
    """What that region holds of it."""
    data = home(cloud, account) / region
    data.mkdir(parents=True, exist_ok=True)
    return data


def copied_at(cloud: Cloud, account: Resource) -> datetime | None:
    """Last Sync Time: everything written before is in the second region; None before the first complete copy
    (https://learn.microsoft.com/azure/storage/common/last-sync-time-get)."""
    try:
        return datetime.fromtimestamp((home(cloud, account) / peer(account) / COPY).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


async def start(cloud: Cloud, account: Resource, secondary: bool = False) -> None:
    """Starts it in the region where that end of the account is now; nothing when it runs there already."""
    region = peer(account) if secondary else primary(account)
    blob, queue = await ports(cloud, account, secondary)
    data, key = folder(cloud, account, region), account_key(cloud, account)
    write_state(cloud, account)
    await cloud.runner.start(ProcessSpec(
        name=process_name(account, secondary), cwd=data, region=region, service="storage", ports=(blob, queue),
        command=(str(cloud.tools.azurite), "--silent", "--disableTelemetry", "--skipApiVersionCheck",
                 "--location", str(data), "--oauth", "basic",
                 "--cert", str(cloud.tls.cert), "--key", str(cloud.tls.key),
                 "--blobHost", "127.0.0.1", "--blobPort", str(blob), "--blobKeepAliveTimeout", "60",
                 "--queueHost", "127.0.0.1", "--queuePort", str(queue), "--queueKeepAliveTimeout", "60",
                 "--tableHost", "127.0.0.1", "--tablePort", "0"),
        environment={**cloud.environment, "AZURITE_ACCOUNTS": f"{account.name}:{key}",
                     "TWIN_STATE": str(state_file(cloud, account)), "TWIN_SECONDARY": "1" if secondary else "",
                     "NODE_OPTIONS": f"--max-old-space-size=192 --require {json.dumps(str(PRELOAD))}"},
        ready=Tcp(queue), ready_within=60, stop_within=STOP_WITHIN, resource_id=account.id))


async def stop(cloud: Cloud, account: Resource, secondary: bool = False) -> None:
    """Ends it; without complaint when it does not run."""
    await cloud.runner.stop(process_name(account, secondary))


async def order(cloud: Cloud, account: Resource, what: str, secondary: bool = False, **body: str) -> None:
    """Has the process copy its data to the folder `to`, refuse everything from now on and copy (close), or load the
    copy that lies in its folder. AzureError when it does not."""
    _, port = await ports(cloud, account, secondary)
    verify = ssl.create_default_context(cafile=cloud.tls.own_ca)
    async with httpx.AsyncClient(verify=verify, timeout=ANSWERS_WITHIN, trust_env=False) as client:
        try:
            (await client.post(f"https://localhost:{port}/.twin/{what}", json=body, headers={
                "x-twin-key": account_key(cloud, account)})).raise_for_status()
        except httpx.HTTPError as error:
            raise AzureError("ServiceUnavailable", f"{process_name(account, secondary)} did not {what} "
                             f"({type(error).__name__}); see its log.", 503) from error


def account_key(cloud: Cloud, account: Resource) -> str:
    """The account's key, made once."""
    file = home(cloud, account) / "account.key"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(base64.b64encode(os.urandom(32)).decode())
    return file.read_text()


def state_file(cloud: Cloud, account: Resource) -> Path:
    """What azurite_access.cjs reads before every request."""
    return home(cloud, account) / "state.json"


def write_state(cloud: Cloud, account: Resource) -> None:
    """Brings it in line with the faults and the role assignments."""
    if home(cloud, account).exists():
        write_json(state_file(cloud, account), {
            "busy": cloud.faults.busy(account.id), "ahead": cloud.faults.clock_ahead(primary(account)),
            "admins": [DEPLOYER], "grants": storageroles.grants(cloud, account)})


def write_states(cloud: Cloud) -> None:
    """The same for all accounts."""
    for account in cloud.find(ACCOUNT):
        write_state(cloud, account)
