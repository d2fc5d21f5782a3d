"""HAProxy processes whose configuration follows the resources: checked, replaced without dropping a connection.

Each has a loopback "admin" port: `/generation` tells which configuration serves, `/stats;csv` every server's state.
"""

import asyncio
import csv
import hashlib
import io
import re
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import jinja2

from twin.runner import ProcessSpec, Tcp
from twin.services.base import AzureError, Cloud, TwinError

TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=False,
                               trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
POLL, RELOAD_WITHIN = 0.05, 15.0
_locks: dict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)


def quoted(text: str) -> str:
    """The text as one argument of HAProxy's configuration language; AzureError for control characters."""
    if any(ord(character) < 32 for character in text):
        raise AzureError("BadRequest", f"{text!r} holds a control character; remove it.")
    return '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'


TEMPLATES.filters["quoted"] = quoted


async def apply(cloud: Cloud, name: str, region: str, template: str, ports: tuple[int, ...], **model: Any) -> None:
    """Makes the process `name` serve the template's text for `model`; returns when it does.

    The same text again does nothing. TwinError with HAProxy's own words when it refuses the configuration; the
    one before keeps serving. USR2 makes the master start a new worker on the same sockets
    (https://docs.haproxy.org/2.6/management.html#4)."""
    file, admin = cloud.home.run / f"{name}.cfg", await cloud.ports.of(f"{name}-admin")
    console = await cloud.ports.of(f"{name}-console")
    text = TEMPLATES.get_template(template).render(model, admin=admin, console=console, tls=cloud.tls, name=name,
                                                   run=str(cloud.home.run))
    generation = hashlib.sha256(text.encode()).hexdigest()[:12]
    async with _locks[file]:
        process = cloud.runner.get(name)
        running = process is not None and process.state == "ready"
        if running and await serving(admin) == generation:
            return
        await check(cloud, file, text.replace("@generation@", generation))
        spec = ProcessSpec(
            name=name, region=region, service="edge" if region == "global" else "frontend", cwd=cloud.home.run,
            command=(str(cloud.tools.haproxy), "-W", "-f", str(file)), environment=dict(cloud.environment),
            ports=(admin, console, *ports), ready=Tcp(admin))
        if running:
            await keep_states(file.with_suffix(".state"), console)
            process.spec = spec  # only the ports differ: a reload takes them up, a restart would drop connections
            cloud.runner.reload(name, signal.SIGUSR2)
        else:
            await cloud.runner.start(spec)
        await until(admin, name, generation)


async def check(cloud: Cloud, file: Path, text: str) -> None:
    """Puts the text in place once `haproxy -c` accepts it."""
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    process = await asyncio.create_subprocess_exec(
        str(cloud.tools.haproxy), "-c", "-q", "-f", str(draft),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said, _ = await process.communicate()
    if process.returncode:
        raise TwinError(f"HAProxy refuses {draft}: {said.decode(errors='replace').strip()}")
    draft.replace(file)


async def keep_states(file: Path, console: int) -> None:
    """Writes down who is up and who is down, so that the next worker does not ask the dead ones again. It takes the
    addresses from there too: a server's name must not outlive its port
    (https://docs.haproxy.org/2.6/management.html#9.3-show%20servers%20state)."""
    await asyncio.to_thread(file.write_bytes, await command(console, "show servers state"))


async def command(console: int, *commands: str) -> bytes:
    """What the running worker answers (https://docs.haproxy.org/2.6/management.html#9.3)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", console)
    writer.write(("; ".join(commands) + "\n").encode())
    answer = await reader.read()
    writer.close()
    return answer


async def serving(admin: int) -> str:
    """The generation that answers now; "" when none does."""
    try:
        return (await _get(admin, "/generation")).strip()
    except httpx.HTTPError:
        return ""


async def until(admin: int, name: str, generation: str) -> None:
    """Waits for the generation; TwinError when it does not come."""
    deadline = asyncio.get_running_loop().time() + RELOAD_WITHIN
    while await serving(admin) != generation:
        if asyncio.get_running_loop().time() > deadline:
            raise TwinError(f"{name} did not take its new configuration within {RELOAD_WITHIN:.0f} s; "
                            f"see logs/{name}.log and run/{name}.cfg.")
        await asyncio.sleep(POLL)


async def states(admin: int) -> dict[str, dict[str, str]]:
    """backend -> server -> state ("UP", "DOWN", "no check", …), from HAProxy's statistics."""
    rows = csv.DictReader(io.StringIO((await _get(admin, "/stats;csv")).removeprefix("# ")))
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row["svname"] not in ("FRONTEND", "BACKEND"):
            found[row["pxname"]][row["svname"]] = row["status"]
    return found


async def _get(admin: int, path: str) -> str:
    async with httpx.AsyncClient(timeout=2, trust_env=False, verify=False) as client:
        return (await client.get(f"http://127.0.0.1:{admin}{path}")).text
