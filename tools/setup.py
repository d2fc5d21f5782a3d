"""`make setup`: everything that this checkout needs on this machine, in order, each only when it is missing."""

import argparse
import sys

from tools import azurite, engine, environment, packages
from tools.host import Host
from tools.problem import SetupProblem


def main(arguments: list[str] | None = None) -> int:
    """Set up; returns the exit status: 0 done, 1 with the cause on stderr, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    parser.add_argument("--tests", action="store_true", help="also what only the tests need (Chromium)")
    parser.add_argument("--quiet", action="store_true", help="say nothing when nothing is missing")
    parser.add_argument("--preview", action="store_true", help="only what a preview needs: packages and the engine")
    options = parser.parse_args(arguments)
    host = Host(say=lambda text: print(text, flush=True))
    try:
        provide(host, options)
    except SetupProblem as problem:
        print(f"\nSet-up stopped: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was interrupted; the next run goes on from here.", file=sys.stderr)
        return 130
    if host.said or not options.quiet:
        host.say("set-up is complete")
    return 0


def provide(host: Host, options: argparse.Namespace) -> None:
    """The steps, cheapest to check first; the engine comes last because its installer runs in `.venv`."""
    if not options.preview:
        packages.provide(host, tests=options.tests)
    environment.provide(host)
    if not options.preview:
        azurite.provide(host)
    engine.provide(host)


if __name__ == "__main__":
    sys.exit(main())
