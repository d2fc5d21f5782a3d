"""What the operations code is told of the twin, and which region comes first."""

import shlex
import subprocess

import pytest
import yaml

from twin import engine, operators
from twin.engine import EngineError
from twin.home import CHECKOUT, Home, read_json, write_json
from twin.services.base import TwinError


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "a home", 8081, 18100)
    home.prepare()
    return home


def test_the_environment_is_one_that_a_shell_can_read(home):
    write_json(home.control, {"arm": "https://localhost:1", "identity_endpoint": "http://localhost:2/msi/token",
                              "identity_header": "it's secret", "ca": "/x/bundle.pem"})
    operators.tell(home, {"primaryRegion": "eastus"})
    said = subprocess.run(["sh", "-c", f"set -a; . {shlex.quote(str(home.operator))}; env"], check=True, text=True,
                          capture_output=True).stdout.splitlines()
    assert "IDENTITY_HEADER=it's secret" in said, "whatever characters it holds"
    assert f"TWIN_HOME={home.root}" in said and "PORT=8081" in said, "its commands find the same twin"
    assert "FAILOVER_ARM=https://localhost:1" in said, "Resource Manager is the twin's"
    assert any(line.startswith("FAILOVER_APPLY=") and line.endswith("up --primary {primary}") for line in said), \
        "the caller fills in the region"
    assert home.operator.stat().st_mode & 0o077 == 0, "it opens the control plane, so it is its owner's alone"
    operators.tell(home)
    assert read_json(home.outputs, {}) == {"primaryRegion": "eastus"}, "outputs stay until there are new ones"


def test_without_a_control_plane_there_is_nothing_to_tell(home):
    with pytest.raises(TwinError, match="`make up` starts it"):
        operators.tell(home, {})


def test_another_primary_region_is_kept_and_changes_nothing_else(home):
    engine.keep_primary(home, "primary", "westus")
    assert engine.kept_primary(home) == "westus", "until another one is named"
    own = (CHECKOUT / "Pulumi.primary.yaml").read_text()
    wanted, before = yaml.safe_load(engine._with_primary(own, "westus", "primary")), yaml.safe_load(own)
    before["config"]["tracking:platform"]["primary"] = "westus"
    assert wanted == before, "the rest of the stack's configuration is as it was written"


def test_a_region_that_is_none_of_the_stacks_is_refused_and_not_kept(home):
    with pytest.raises(EngineError, match=r"one of eastus and westus.*got 'mars'"):
        engine.keep_primary(home, "primary", "mars")
    assert engine.kept_primary(home) == "", "nothing was changed"
