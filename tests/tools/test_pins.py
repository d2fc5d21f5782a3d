"""One version of every package, wherever it is named."""

import re
from pathlib import Path

import pytest

from tools import environment, versions

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?P<pin>==\s*[^\s;\\]+)?")


def pins(name: str) -> dict[str, str]:
    """Package (normalised) -> version; empty version when it is not pinned."""
    lines = (environment.CHECKOUT / name).read_text().splitlines()
    found = [PIN.match(line) for line in lines if line.strip() and line[0] not in "# \t"]
    return {re.sub(r"[-_.]+", "-", pin["name"]).lower(): (pin["pin"] or "").lstrip("= ") for pin in found}


@pytest.mark.parametrize("name", environment.REQUIREMENT_FILES)
def test_every_requirement_is_pinned_to_the_version_of_the_lock(name):
    lock = pins(environment.LOCK)
    wrong = {package: (pin, lock.get(package)) for package, pin in pins(name).items() if pin != lock.get(package)}
    assert wrong == {}, f"{name}: package -> (its pin, the lock's); run `make lock` after changing a pin"


def test_every_requirement_file_is_part_of_the_lock():
    skipped = {".venv", "node_modules"}
    found = {
        str(path.relative_to(environment.CHECKOUT))
        for pattern in ("requirements*.txt", "*/requirements*.txt")
        for path in Path(environment.CHECKOUT).glob(pattern)
        if not skipped & set(path.parts)
    }
    assert found == set(environment.REQUIREMENT_FILES), "a new file is named in tools/environment.py"


def test_the_lock_was_made_from_the_files_as_they_are():
    environment.refuse_old_lock(environment.CHECKOUT)


def test_the_engine_has_the_version_of_its_sdk():
    assert pins("requirements.txt")["pulumi"] == versions.PULUMI, "the Automation API refuses an older CLI"
