"""Which room may use which: app settings are the only contract between the platform and the apps."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imported(room):
    """(file, module) of every import of a room, those inside functions too."""
    files = sorted((ROOT / room).rglob("*.py")) if (ROOT / room).is_dir() else [ROOT / room]
    assert files, f"{room} has no Python file; was it renamed?"
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            yield from ((str(file.relative_to(ROOT)), name) for name in names)


def within(name, *packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("room", ["portal", "shipments", "functions"])
def test_apps_know_neither_pulumi_nor_the_platform_nor_the_twin(room):
    wrong = [(file, name) for file, name in imported(room)
             if within(name, "pulumi", "pulumi_azure_native", "components", "twin", "tools", "tests", "bench")]
    assert not wrong, "apps are told everything by app settings"


def test_the_domain_knows_no_web_framework_and_no_other_room():
    wrong = [(file, name) for file, name in imported("shipments")
             if within(name, "fastapi", "starlette", "azure.functions", "portal", "functions")]
    assert not wrong, "portal and functions use the domain, not the other way round"


@pytest.mark.parametrize("room", ["components", "__main__.py"])
def test_the_program_knows_of_the_apps_only_their_settings(room):
    rooms = ("shipments", "portal", "functions", "twin", "tools", "tests", "bench")
    wrong = [(file, name) for file, name in imported(room)
             if within(name, *rooms) and name != "shipments.settings"]
    assert not wrong, "constants of shipments/settings.py are the contract"


def test_the_program_has_no_branch_for_the_twin():
    said = [file.name for file in [*(ROOT / "components").glob("*.py"), ROOT / "__main__.py"]
            if "twin" in file.read_text().lower()]
    assert not said, "the same program is deployed to Azure"


def test_the_programs_modules_stay_small():
    long = {file.name: lines for file in (ROOT / "components").glob("*.py")
            if (lines := len(file.read_text().splitlines())) > 160}
    assert not long, "a file is about one thing, in some 150 lines"
