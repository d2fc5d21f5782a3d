"""The function app as its package has it: the folder's content at the root."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "functions"))

from tests.shipments.conftest import clean, platform, prepared, shipments

__all__ = ["clean", "platform", "prepared", "shipments"]
