"""`python -m twin.cloud`: the daemon of one home.  Ends on TERM, INT or /twin/shutdown, with all its processes."""

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import signal
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from twin.cloud.api import application
from twin.cloud.client import fingerprint
from twin.cloud.cloud import LocalCloud, find_tools, load_services
from twin.home import Home, write_json
from twin.runner import PortBook, Runner, end_leftovers
from twin.services.base import DEPLOYER, TwinError

LOOK = 2.0
"""Seconds between looks at the home: at the size of the logs, and at whether it is still there."""
log = logging.getLogger("twin.cloud")


class Server(uvicorn.Server):
    """One of several in one loop: the daemon handles the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


async def serve(home: Home) -> None:
    """Runs until told to stop."""
    home.prepare()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _alone(home):
        if left := await end_leftovers(home):
            log.warning("ended what a killed daemon had left: %s", ", ".join(left))
        runner = Runner(home)
        ports = PortBook(home, runner.owns)
        http, https = await ports.of("control"), await ports.of("arm")
        cloud = LocalCloud(home, f"http://127.0.0.1:{http}", f"https://localhost:{https}", ports, runner, find_tools(),
                           load_services())
        token = secrets.token_urlsafe(32)
        app = application(cloud, token, stop)
        servers = [_server(app, http), _server(app, https, ssl_certfile=cloud.tls.cert, ssl_keyfile=cloud.tls.key)]
        running = [asyncio.create_task(server.serve()) for server in servers]
        keeper = asyncio.create_task(_keep_house(home, runner, stop))
        try:
            while not all(server.started for server in servers):
                await asyncio.sleep(0.01)
            cloud.deployments.interrupted()
            await _restore(cloud, stop)
            cloud.chaos.resume()
            if not stop.is_set():
                _announce(cloud, token)
                await stop.wait()
        finally:
            home.control.unlink(missing_ok=True)
            keeper.cancel()
            await cloud.close()
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*running, return_exceptions=True)


async def _restore(cloud: LocalCloud, stop: asyncio.Event) -> None:
    work, told = asyncio.create_task(cloud.restore()), asyncio.create_task(stop.wait())
    await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        told.cancel()
        work.result()


def _announce(cloud: LocalCloud, token: str) -> None:
    write_json(cloud.home.control, {
        "url": cloud.url, "token": token, "pid": os.getpid(), "arm": cloud.arm, "ca": str(cloud.tls.ca),
        "edge_port": cloud.home.edge_port, "code": fingerprint(),
        "identity_endpoint": cloud.identities.endpoint, "identity_header": cloud.identities.header_for(DEPLOYER)})
    log.info("ready at %s, ARM at %s", cloud.url, cloud.arm)


def _server(app: FastAPI, port: int, **options: object) -> Server:
    return Server(uvicorn.Config(app, host="127.0.0.1", port=port, access_log=False, log_config=None, lifespan="off",
                                 timeout_graceful_shutdown=3, **options))


async def _keep_house(home: Home, runner: Runner, stop: asyncio.Event) -> None:
    """Bounds the logs; ends the twin when somebody deleted its folder, since no command could find it any more."""
    while home.run.exists():
        runner.bound_logs()
        await asyncio.sleep(LOOK)
    log.warning("%s was deleted, so the twin ends", home.root)
    stop.set()


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One daemon per home; the lock ends with the process, however that ends."""
    with (home.run / "daemon.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TwinError(f"a daemon runs in {home.root} already; `make down` ends it.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        asyncio.run(serve(Home.from_environment()))
    except TwinError as error:
        sys.exit(f"error: {error}")
