"""The running twin that the benches load, found by what `make up` writes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin import engine
from twin.home import Home


@dataclass(frozen=True)
class Twin:
    """URLs of `.twin/endpoints.json` and the deployer's own identity (`run/control.json`)."""

    home: Path
    endpoints: dict[str, Any]
    control: dict[str, Any]

    shipment = {"sender": "Bench", "recipient": "Bench", "origin": "Boston", "destination": "Seattle"}
    """A registration that is good enough for a measurement."""

    @classmethod
    def running(cls, home: Path) -> "Twin":
        """Raises SystemExit with the next act when no twin is up."""
        try:
            found = [json.loads((home / name).read_text()) for name in ("endpoints.json", "run/control.json")]
        except FileNotFoundError:
            raise SystemExit(f"no twin is up in {home}: run `make up` first") from None
        return cls(home, *found)

    @property
    def api(self) -> str:
        return self.endpoints["api"]

    @property
    def environment(self) -> dict[str, str]:
        """Signs in as the deployer, as `pulumi up` does on the twin."""
        return {
            "IDENTITY_ENDPOINT": self.control["identity_endpoint"],
            "IDENTITY_HEADER": self.control["identity_header"],
            "SSL_CERT_FILE": self.control["ca"],
            "REQUESTS_CA_BUNDLE": self.control["ca"],
        }

    def queues(self, region: str = "eastus") -> str:
        """The queue endpoint of that region's account, as the stack exports it."""
        return engine.export(Home(self.home), "primary")["regions"][region]["queueUri"]
