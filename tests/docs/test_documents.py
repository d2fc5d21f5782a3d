"""What the documents name exists."""

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("twin/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)")


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(CHECKOUT)) for path in paths]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_link_to_a_file_leads_to_one(document):
    targets = [target for target in LINK.findall(document.read_text()) if "://" not in target]
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == [], f"{document.name} points at files that are not there"


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_every_make_command_that_is_named_exists(document):
    known = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", document.read_text()))
    assert named <= known, f"{document.name} names commands that the Makefile does not have"


def test_every_decision_is_listed_and_says_when_not_to():
    records = sorted((CHECKOUT / "docs/adr").glob("0*.md"))
    index = (CHECKOUT / "docs/adr/README.md").read_text()
    assert [record.name for record in records if record.name not in index] == [], "the list of decisions is complete"
    silent = [record.name for record in records if "## When not to" not in record.read_text()]
    assert silent == [], "a decision without its limits misleads whoever copies it"


def test_make_alone_lists_the_commands():
    told = subprocess.run(["make"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    commands = "setup up preview test down status drill failover bench lint lock clean"
    for command in commands.split():
        assert f"make {command} " in told, f"{command} is one of the commands that people look for"


def test_operating_a_twin_that_is_not_up_says_so_and_fails(tmp_path):
    done = subprocess.run(["make", "failover", "ARGS=status"], cwd=CHECKOUT, capture_output=True, text=True,
                          check=False, env={**os.environ, "TWIN_HOME": str(tmp_path)})
    assert done.returncode != 0, "nothing was done, so nothing may look like a success"
    assert "`make up` starts it" in done.stderr, "and it says what to do"
