"""What `up` tells the operations code: the stack's outputs, and an environment that leads it to this twin.

`python -m failover` knows nothing of the twin: on Azure the same variables are unset, or name other commands.
"""

import shlex
import sys
from typing import Any

from twin.home import Home, read_json, write_json
from twin.services.base import TwinError


def tell(home: Home, outputs: dict[str, Any] | None = None) -> None:
    """Writes <home>/operator.env, for `set -a; . operator.env`, and <home>/outputs.json when there are new ones."""
    if outputs is not None:
        write_json(home.outputs, outputs)
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in environment(home).items()]
    home.operator.touch(mode=0o600)
    home.operator.write_text("".join(lines))


def environment(home: Home) -> dict[str, str]:
    """https://learn.microsoft.com/python/api/overview/azure/identity-readme#environment-variables; `{primary}` is for
    the caller to fill in.  TwinError when no control plane runs."""
    control = read_json(home.control, None)
    if not control:
        raise TwinError(f"the twin in {home.root} is not running; `make up` starts it.")
    twin = f"{shlex.quote(sys.executable)} -m twin"
    return {
        "FAILOVER_OUTPUTS": str(home.outputs), "FAILOVER_ARM": control["arm"],
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential", "AZURE_CLIENT_ID": "",
        "IDENTITY_ENDPOINT": control["identity_endpoint"], "IDENTITY_HEADER": control["identity_header"],
        "SSL_CERT_FILE": control["ca"], "REQUESTS_CA_BUNDLE": control["ca"],
        "FAILOVER_FAULTS": f"{twin} fault", "FAILOVER_APPLY": f"{twin} up --primary {{primary}}",
        "FAILOVER_PREVIEW": f"{twin} preview --json --primary {{primary}}",
        "FAILOVER_HOME": str(home.root / "drills"), "FAILOVER_PORTAL": f"http://localhost:{home.edge_port}",
        **home.environment}
