"""The twin serves the program and the apps, so it stays smaller than they are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = {".py", ".sql", ".html", ".j2", ".cfg", ".sh", ".cjs"}


def lines(*rooms: str) -> int:
    files = [file for room in rooms for file in (ROOT / room).rglob("*") if file.suffix in CODE]
    return sum(len(file.read_text().splitlines()) for file in files)


def test_the_twin_is_smaller_than_what_it_serves() -> None:
    twin, served = lines("twin"), lines("components", "shipments", "portal", "functions", "failover")
    assert twin < served, f"{twin} lines imitate Azure for {served} lines of the product; move or drop some"
