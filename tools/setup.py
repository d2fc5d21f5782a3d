"""`make setup`: everything that this checkout needs on this machine, in order, each only when it is missing."""

import argparse
import sys

from tools import azurite, engine, environment, packages, toxiproxy
from tools.host import Host
from tools.problem import SetupProblem

# What each command needs. The engine comes last, because its installer runs in `.venv`.
STEPS = {
    "bench": (packages.for_bench, environment.provide, azurite.provide, toxiproxy.provide, engine.provide),
    "lint": (environment.provide,),
    "preview": (environment.provide, engine.provide),
    "up": (packages.for_services, environment.provide, azurite.provide, toxiproxy.provide, engine.provide),
    "tests": (packages.for_tests, environment.provide, azurite.provide, toxiproxy.provide, engine.provide),
}


def main(arguments: list[str] | None = None) -> int:
    """Set up; returns the exit status: 0 done, 1 with the cause on stderr, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    parser.add_argument("--for", dest="purpose", choices=STEPS, default="up", help="what will be done next (up)")
    parser.add_argument("--quiet", action="store_true", help="say nothing when nothing is missing")
    options = parser.parse_args(arguments)
    host = Host(say=lambda text: print(text, flush=True))
    try:
        for step in STEPS[options.purpose]:
            step(host)
    except (SetupProblem, OSError) as problem:
        print(f"\nSet-up stopped: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was interrupted; the next run goes on from here.", file=sys.stderr)
        return 130
    if host.said or not options.quiet:
        host.say("set-up is complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
