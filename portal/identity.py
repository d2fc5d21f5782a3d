"""Who answers: the service, region and build that every response names."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """`build` is the id of the posted package, so that operators see which instance still runs another one."""

    service: str
    region: str
    build: str

    @property
    def served_by(self) -> str:
        return f"{self.region}/{self.build}"


def build_id(folder: Path | None = None) -> str:
    """The build named by the package's `build.json`; "unpackaged" when run from a checkout."""
    try:
        return str(json.loads(((folder or Path.cwd()) / "build.json").read_text())["build"])
    except (OSError, ValueError, KeyError):
        return "unpackaged"
