"""A web app really served: uvicorn on a free port of the loopback, with the site's files where the edge has them."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

SITE = Path(__file__).parents[2] / "site"


class Edge:
    """`/static` from the site's files, everything else from the app, as the edge routes it."""

    def __init__(self, app: ASGIApp):
        self.app, self.files = app, StaticFiles(directory=SITE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith("/static/"):
            await self.app(scope, receive, send)
            return
        await self.files({**scope, "path": path.removeprefix("/static")}, receive, send)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The URL of the app while it is served from a thread of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(Edge(app), loop="uvloop", http="httptools", log_level="warning", lifespan="on")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        assert server.started, "the app is served within ten seconds"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
