"""twin/COVERAGE.md says what the code does, for every type that the program registers or the provider knows."""

import re
from pathlib import Path

from tests.components.conftest import primary_platform, run_program
from twin.cloud.cloud import load_services
from twin.home import CHECKOUT
from twin.provider.table import table

ROW = re.compile(r"^\| `([\w:]+)` \| (\w+) \|(.*) \| (.*) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    """Type -> (what the page says, its source)."""
    text = Path(CHECKOUT, "twin/COVERAGE.md").read_text()
    found = ROW.findall(text)
    assert len(found) == text.count("\n| `"), "every row has its four cells"
    assert [row[0] for row in found] == sorted({row[0] for row in found}), "the rows are in order, none twice"
    return {f"azure-native:{token}": (state, source) for token, state, _, source in found}


def states() -> dict[str, str]:
    """Type -> what the services do."""
    services = load_services()
    recorded = {type: "recorded" for service in services for type in service.recorded}
    return recorded | {type: "realised" for service in services for type in service.realised}


def test_the_page_agrees_with_the_services():
    said = {type: state for type, (state, _) in rows().items() if state != "refused"}
    assert said == states(), "what is realised or recorded is what the page says"


def test_the_page_names_every_type_that_the_provider_knows_and_no_other():
    assert set(rows()) == set(table()["resources"]), "a type that previews is on the page"


def test_every_row_names_where_the_behaviour_is_documented():
    without = [type for type, (_, source) in rows().items() if "https://" not in source]
    assert not without, "each imitated behaviour has its source"


def test_the_twin_serves_every_type_that_the_program_registers():
    engine = run_program(primary_platform())
    registered = {item.type for item in engine.resources if item.type.startswith("azure-native:")}
    assert len(registered) > 20, "the whole program was run"
    assert registered <= set(states()), "nothing that the program needs is refused"
