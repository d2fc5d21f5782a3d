"""Set-up of this checkout: server packages, virtual environment, Azurite and the Pulumi CLI. Standard library only.

This file stays readable by old interpreters (3.6), so that they get the sentence below instead of a syntax error.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. "
        "Install a newer one and name it, for example: make PYTHON=python3.12 setup"
    )
