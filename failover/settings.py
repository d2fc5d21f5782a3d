"""Where the platform, its Resource Manager and the operator's own things are, from the environment.

On Azure nothing has to be set but the usual sign-in; the twin's `operator.env` sets all of it.
"""

import getpass
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from failover.errors import OperatorError
from failover.platform import Platform, parse


@dataclass(frozen=True)
class Settings:
    """`arm`: Resource Manager's base URL, "" for public Azure.  `apply` and `preview`: commands that make the stack
    follow (`{primary}` is replaced).  `portal`: the edge as this machine reaches it, "" for the stack's own URL."""

    outputs: Path | None = None
    arm: str = ""
    apply: str = ""
    preview: str = ""
    portal: str = ""
    home: Path = Path(".failover")
    """Where drills and their results lie."""
    by: str = ""
    """Who is written into the control documents."""

    @classmethod
    def from_environment(cls, outputs: Path | None = None, environment: Mapping[str, str] = os.environ) -> "Settings":
        named = environment.get("FAILOVER_OUTPUTS")
        return cls(
            outputs or (Path(named) if named else None), environment.get("FAILOVER_ARM", "").rstrip("/"),
            environment.get("FAILOVER_APPLY", ""), environment.get("FAILOVER_PREVIEW", ""),
            environment.get("FAILOVER_PORTAL", "").rstrip("/"), Path(environment.get("FAILOVER_HOME") or ".failover"),
            environment.get("FAILOVER_BY") or f"{getpass.getuser()}@{socket.gethostname()}")

    def platform(self) -> Platform:
        """From the file, else from the stack selected in this directory.  Raises OperatorError."""
        return parse(self._read() if self.outputs else stack_outputs())

    def _read(self) -> bytes:
        try:
            return Path(self.outputs or "").read_bytes()
        except OSError as error:
            raise OperatorError(f"the outputs file {self.outputs} cannot be read ({error.strerror}). Write it with "
                                "`pulumi stack output --json`, or on the twin run `make up`.") from error


def stack_outputs() -> bytes:
    """https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_output/"""
    try:
        done = subprocess.run(("pulumi", "stack", "output", "--json"), capture_output=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperatorError(f"`pulumi stack output --json` did not run ({type(error).__name__}). Give the outputs with "
                            "--outputs FILE or FAILOVER_OUTPUTS; keep such a file where you can read it in an outage."
                            ) from error
    if done.returncode:
        raise OperatorError(f"`pulumi stack output --json` failed: {done.stderr.decode(errors='replace').strip()[:300]}"
                            ". Select the stack with `pulumi stack select`, or give --outputs FILE.")
    return done.stdout
