"""The record of what exists."""

from pathlib import Path

from twin.cloud.registry import Registry
from twin.services.base import Resource


def test_only_its_owner_can_read_the_record(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "resources.sqlite")
    registry.save(Resource("/id", "type", "name", {"secret": "of the program"}))
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    registry.close()
    assert set(modes.values()) == {0o600}, f"inputs may hold secrets: {modes}"
    assert "resources.sqlite-wal" in modes, "also in the file that is written first"
