"""Order of the whole suite: what is quick and explains most comes first, what needs the platform running comes last."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
ORDER = ("tools", "docs", "components", "shipments", "portal", "functions", "policy",
         "bench", "failover", "twin", "e2e", "drills")


def place(path: Path) -> tuple[bool, int]:
    """Sort key of a test file: browser tests after all others, then its room's place."""
    room = path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) else ""
    return ("browser" in path.name, ORDER.index(room) if room in ORDER else len(ORDER))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run room by room and browsers last; the order within a file, and of files within a room, stays."""
    items.sort(key=lambda item: place(item.path))
