"""Starts an app as App Service does: `python -m portal.serve web|api`, with `HOST`, `PORT` and the app settings."""

import logging
import os
import sys
from collections.abc import Callable
from functools import partial

import structlog
import uvicorn
from starlette.types import ASGIApp

from portal.api.app import create_app as create_api
from portal.identity import Identity, build_id
from portal.web.app import create_app as create_web
from shipments.service import Shipments
from shipments.settings import Settings

APPS: dict[str, Callable[..., ASGIApp]] = {"web": create_web, "api": create_api}
DRAIN = 20
"""Seconds that running requests have to end after TERM."""


def create(name: str, settings: Settings) -> ASGIApp:
    """The app `web` or `api`, with the region's real clients."""
    identity = Identity(settings.service, settings.region, build_id())
    return APPS[name](partial(Shipments.connect, settings), identity)


def main(arguments: list[str]) -> int:
    """Serves until told to stop; 2 for a wrong call or missing settings; uvicorn's own code when the port is taken."""
    if len(arguments) != 1 or arguments[0] not in APPS:
        print(f"usage: python -m portal.serve {'|'.join(APPS)}", file=sys.stderr)
        return 2
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    log_json()
    config = uvicorn.Config(
        create(arguments[0], settings),
        host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")),
        loop="uvloop", http="httptools", ws="none", lifespan="on", access_log=False, log_config=None,
        server_header=False,
        proxy_headers=True, forwarded_allow_ips="*", backlog=2048, timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN)
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1


def log_json() -> None:
    """One JSON object per line on stdout, from this code and from libraries, for Log Analytics to read."""
    shared = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name,
              structlog.processors.TimeStamper(fmt="iso"), structlog.processors.format_exc_info]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                                              structlog.processors.JSONRenderer()])
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("azure").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
