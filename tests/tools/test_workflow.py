"""The checks of pull requests are safe for forks."""

import re

import pytest
import yaml

from tools.environment import CHECKOUT

TEXT = (CHECKOUT / ".github/workflows/pull-request.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
TRIGGERS = WORKFLOW[True]  # YAML 1.1 reads the key `on` as true
JOBS = WORKFLOW["jobs"]


def test_a_fork_gets_no_secret_and_a_token_that_only_reads():
    assert "pull_request" in TRIGGERS, "pull requests are checked"
    assert "pull_request_target" not in TRIGGERS, "that would run a fork's code with this repository's rights"
    assert WORKFLOW["permissions"] == {"contents": "read"}, "the token can read the code and nothing else"
    assert [name for name, job in JOBS.items() if "permissions" in job] == [], "no job widens it"
    assert "secrets." not in TEXT, "nothing here needs a secret"


@pytest.mark.parametrize("job", JOBS)
def test_every_action_is_pinned_to_a_commit_with_its_release_named(job):
    used = [step["uses"] for step in JOBS[job]["steps"] if "uses" in step]
    for action in used:
        assert re.search(r"@[0-9a-f]{40}$", action), f"{action}: a tag can be moved, a commit cannot"
        assert re.search(rf"{re.escape(action)} # v\d+", TEXT), f"{action}: readers need its release"


@pytest.mark.parametrize("job", JOBS)
def test_a_job_that_hangs_is_ended_and_leaves_no_credentials(job):
    assert JOBS[job]["timeout-minutes"] <= 60, "a hanging test must not hold a runner for hours"
    checkout = next(step for step in JOBS[job]["steps"] if step.get("uses", "").startswith("actions/checkout@"))
    assert checkout["with"]["persist-credentials"] is False, "the fork's code finds no token in .git/config"


def test_the_preview_is_posted_as_the_summary():
    script = "\n".join(step.get("run", "") for step in JOBS["preview"]["steps"])
    assert "make --no-print-directory preview" in script, "the same command as on a laptop"
    assert "GITHUB_STEP_SUMMARY" in script, "reviewers read it without opening the log"


def test_the_tests_run_by_the_script_that_every_ci_runs():
    assert any(step.get("run") == ".ci/run" for step in JOBS["tests"]["steps"]), "one way to run all tests"
    assert "make test" in (CHECKOUT / ".ci/run").read_text(), "and it is the one that people use"


def test_the_cache_is_keyed_by_everything_that_decides_its_content():
    for name, job in JOBS.items():
        key = next(step["with"]["key"] for step in job["steps"] if "actions/cache@" in step.get("uses", ""))
        for file in ("tools/versions.py", "tools/npm/package-lock.json", "requirements.lock"):
            assert file in key, f"{name}: a changed {file} needs another cache"
            assert (CHECKOUT / file).exists(), f"{name}: a missing file would make the key constant"
