"""The Pulumi CLI comes by the first way that works."""

from pathlib import Path

import pytest

from tools import cache, engine, locate, versions
from tools.problem import SetupProblem

VENV = Path("/checkout/.venv")


def script(path: Path, version: str) -> Path:
    """A program that says `version`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho v{version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch, tmp_path):
    """No CLI on PATH, no network, a Go that is only named."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setattr(engine, "reachable", lambda: False)
    monkeypatch.setattr(locate, "find", lambda name: Path("/usr/local/go/bin/go") if name == "go" else None)
    locate.cli_version.cache_clear()


def built(words, _cwd) -> None:
    script(Path(words[words.index("-o") + 1]), versions.PULUMI)


def officially_installed(words, _cwd) -> None:
    script(Path(words[3]) / "bin/pulumi", versions.PULUMI)
    script(Path(words[3]) / "bin/pulumi-language-python", versions.PULUMI)


def test_a_suitable_cli_on_path_is_enough(fake_host, tmp_path):
    there = script(tmp_path / "path/pulumi", "3.299.1")
    host = fake_host()
    engine.provide(host, VENV)
    assert host.commands == [], "nothing needs to be installed"
    assert locate.pulumi() == there, "and that one is used"


@pytest.mark.parametrize("version", ["3.249.9", "4.0.0", "2.999.0"])
def test_an_unsuitable_cli_on_path_is_passed_over(fake_host, tmp_path, version):
    script(tmp_path / "path/pulumi", version)
    engine.provide(fake_host(build=built), VENV)
    assert locate.pulumi().is_relative_to(cache.root()), f"the SDK {versions.PULUMI} cannot rely on a CLI {version}"


def test_the_official_installer_goes_before_the_build(fake_host, monkeypatch):
    monkeypatch.setattr(engine, "reachable", lambda: True)
    host = fake_host(**{"-c": officially_installed})
    engine.provide(host, VENV)
    assert locate.pulumi() == cache.entry("pulumi", versions.PULUMI) / "pulumi", "the CLI is in the cache"
    assert (locate.pulumi().parent / "pulumi-language-python").exists(), "with its language hosts beside it"
    assert not any("build" in words for words in host.commands), "nothing was built"


def test_a_failing_installer_is_followed_by_the_build(fake_host, monkeypatch, failing):
    monkeypatch.setattr(engine, "reachable", lambda: True)
    host = fake_host(**{"-c": failing, "build": built})
    engine.provide(host, VENV)
    assert cache.complete(cache.entry("pulumi", versions.PULUMI)), "the second way worked"
    assert "did not work; building instead" in host.told, "and the user learns why it takes minutes"


def test_the_build_carries_the_version_that_the_automation_api_checks(fake_host):
    host = fake_host(build=built)
    engine.provide(host, VENV)
    build = next(words for words in host.commands if "build" in words)
    assert f"-s -w -X {engine.VERSION_VARIABLE}={versions.PULUMI}" in build, "else the Automation API refuses the CLI"
    assert "4 to 5 minutes" in host.told, "a long step says how long it takes"


def test_an_interrupted_build_leaves_no_cli(fake_host):
    def interrupted(_words, _cwd):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.provide(fake_host(build=interrupted), VENV)
    with pytest.raises(SetupProblem, match="make setup"):
        locate.pulumi()
    engine.provide(fake_host(build=built), VENV)
    assert locate.pulumi().exists(), "the next run builds it"


def test_a_broken_cached_cli_is_replaced(fake_host):
    engine.provide(fake_host(build=built), VENV)
    locate.pulumi().write_text("")
    host = fake_host(build=built)
    engine.provide(host, VENV)
    assert "is not complete" in host.told, "the user learns why it is built again"
    assert locate.pulumi().read_text(), "the CLI is whole again"


def test_without_go_the_ways_out_are_named(fake_host, monkeypatch):
    monkeypatch.setattr(locate, "find", lambda name: None)
    with pytest.raises(SetupProblem) as refused:
        engine.provide(fake_host(), VENV)
    assert "https://go.dev/doc/install" in str(refused.value), "one way out"
    assert "https://www.pulumi.com/docs/iac/download-install/" in str(refused.value), "the other way out"
