"""The runbooks know every verb and every drill that there is, and name no other."""

import re
from pathlib import Path

import typer
import yaml

from failover.__main__ import app
from failover.drill.scenarios import SCENARIOS

CHECKOUT = Path(__file__).resolve().parents[2]
RUNBOOKS = CHECKOUT / "docs/runbooks"
GROUP = typer.main.get_command(app)
COMMAND = re.compile(r"failover (?:--json )?(?:--outputs \S+ )?([a-z]+)((?: --?[a-z-]+| [a-z]+)*)")


def test_every_verb_has_a_page_that_says_who_must_agree_and_what_is_destructive():
    verbs = set(GROUP.commands)
    assert len(verbs) == 8, "all of them were looked at"
    assert verbs == {page.stem for page in RUNBOOKS.glob("*.md")} - {"README", "scenarios"}, "a page each"
    for verb in verbs:
        text = (RUNBOOKS / f"{verb}.md").read_text()
        missing = [part for part in ("**Who must agree:**", "**Destructive", "Takes:**") if part not in text]
        assert not missing or (verb == "watch" and missing == ["Takes:**"]), f"{verb} lacks {missing}"


def test_every_drill_has_its_line_among_the_scenarios():
    listed = set(re.findall(r"\| `([a-z-]+)` \|", (RUNBOOKS / "scenarios.md").read_text()))
    drills = {scenario.name for scenario in SCENARIOS if not scenario.loses}
    assert listed == drills, "what can be rehearsed can be looked up, and the other way round"


def test_every_command_that_a_runbook_names_exists():
    for page in [*RUNBOOKS.glob("*.md"), CHECKOUT / "README.md", CHECKOUT / "docs/troubleshooting.md"]:
        for verb, rest in COMMAND.findall(page.read_text()):
            if verb in GROUP.commands and verb != "drill":
                known = {option for parameter in GROUP.commands[verb].params for option in parameter.opts}
                unknown = [option for option in re.findall(r"--[a-z-]+", rest) if option not in known]
                assert not unknown, f"{page.name}: `failover {verb}` has no {unknown}"


def test_the_weekly_drills_keep_their_report():
    workflow = yaml.safe_load((CHECKOUT / ".github/workflows/drills.yml").read_text())
    steps = workflow["jobs"]["drill"]["steps"]
    kept = next(step for step in steps if "upload-artifact" in step.get("uses", ""))
    assert (kept["if"], kept["with"]["path"]) == ("always()", ".twin/drills"), "also of a run that failed"
    assert any(step.get("run", "").startswith("make drill") for step in steps), "it runs the drills"
    assert workflow[True]["schedule"], "every week"  # YAML reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}, "it writes nothing"
    unpinned = [step["uses"] for step in steps if "uses" in step and not re.search(r"@[0-9a-f]{40}$", step["uses"])]
    assert not unpinned, "an action's tag can be moved"
