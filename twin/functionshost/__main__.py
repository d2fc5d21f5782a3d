"""`python -m twin.functionshost --package <dir> --port <http port> --max-workers N`: see the package's docstring."""

import argparse
import asyncio
import sys
from pathlib import Path


def _options() -> argparse.Namespace:
    """The hidden ones are for the workers: `channel` is a socket to the controller (its end means stop, and worker 0
    reports on it how many workers it wants), `listen` the HTTP socket of worker 0."""
    parser = argparse.ArgumentParser(prog="twin.functionshost", description="Run a function app's package.")
    parser.add_argument("--package", type=lambda path: Path(path).resolve(), required=True, help="the app's folder")
    parser.add_argument("--port", type=int, default=0, help="HTTP port on 127.0.0.1")
    parser.add_argument("--max-workers", type=int, default=1, help="worker processes at most")
    parser.add_argument("--lease", type=float, default=600, help="seconds for which a received message is held")
    parser.add_argument("--stop-within", type=float, default=20, help="seconds for running functions to finish")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--channel", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--listen", type=int, default=-1, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = _options()
    if options.worker is None:
        from .controller import Controller

        return asyncio.run(Controller(options).run())
    from . import worker  # the SDK and the package's code live in workers only

    return worker.main(options)


if __name__ == "__main__":
    sys.exit(main())
