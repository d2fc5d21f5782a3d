"""`make lock`: write requirements.lock anew from all requirement files; `--upgrade-package NAME` is passed on to uv."""

import sys

from tools import environment
from tools.host import Host
from tools.problem import SetupProblem

if __name__ == "__main__":
    try:
        environment.make_lock(Host(), extra=sys.argv[1:])
    except SetupProblem as problem:
        sys.exit(f"No new lock: {problem}")
