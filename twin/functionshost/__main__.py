"""`python -m twin.functionshost --package <dir> --port <http port> --max-workers N`: see the package's docstring."""

import argparse
import asyncio
import os
import sys
from pathlib import Path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="twin.functionshost", description="Run a function app's package.")
    parser.add_argument("--package", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=0, help="HTTP port on 127.0.0.1")
    parser.add_argument("--max-workers", type=int, default=1, help="worker processes at most")
    parser.add_argument("--lease", type=float, default=600, help="seconds for which a received message is held")
    parser.add_argument("--stop-within", type=float, default=30, help="seconds for running functions to finish")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--channel", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--listen", type=int, default=-1, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    package = given.package.resolve()
    if given.worker is None:
        from .controller import Controller, Options

        options = Options(package, given.port, max(1, given.max_workers), given.lease, given.stop_within)
        return asyncio.run(Controller(options).run())
    from . import worker  # the SDK and the package's code live in workers only

    listen = given.listen if given.listen >= 0 else None
    options = worker.Options(package, given.worker, given.channel, listen, given.lease, given.stop_within)
    return worker.main(options)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code) if code else sys.exit(0)
