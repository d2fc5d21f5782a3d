"""Set-up of this checkout: server packages, virtual environment, Azurite and the Pulumi CLI. Standard library only.

This file must stay readable by old interpreters, so that they get the sentence below instead of a syntax error.
"""

import sys

OLDEST_PYTHON = (3, 11)

if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        "Python %d.%d or newer is needed; %s is Python %d.%d. Install a newer one and name it: make PYTHON=python3.12 setup"
        % (OLDEST_PYTHON + (sys.executable,) + tuple(sys.version_info[:2]))
    )
