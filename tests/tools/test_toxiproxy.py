"""Toxiproxy comes by the first way that works."""

from pathlib import Path

import pytest

from tools import cache, engine, locate, toxiproxy, versions
from tools.problem import SetupProblem


def script(path: Path, version: str = versions.TOXIPROXY) -> Path:
    """A program that says `version`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho toxiproxy-server version {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch):
    """None on PATH, no network, a Go that is only named."""
    monkeypatch.setattr(engine, "reachable", lambda *_: False)
    monkeypatch.setattr(locate, "find", lambda name: Path("/usr/local/go/bin/go") if name == "go" else None)


@pytest.fixture
def built():
    """An effect: `go install` leaves its program in the partial folder."""
    def install(_words, _cwd) -> None:
        folder = next(cache.entry("toxiproxy", versions.TOXIPROXY).parent.glob("*.partial-*"))
        script(folder / "server")
    return install


def downloaded(words, _cwd) -> None:
    script(Path(words[-1]))


def test_a_server_on_path_of_the_same_major_version_is_enough(fake_host, monkeypatch, tmp_path):
    there = script(tmp_path / "toxiproxy-server", "2.9.0")
    monkeypatch.setattr(locate, "find", lambda name: there if name == "toxiproxy-server" else None)
    host = fake_host()
    toxiproxy.provide(host)
    assert (host.commands, locate.toxiproxy()) == ([], there), "nothing needs to be installed"


def test_another_major_version_on_path_is_passed_over(fake_host, monkeypatch, tmp_path, built):
    there = script(tmp_path / "toxiproxy-server", "3.0.0")
    monkeypatch.setattr(locate, "find", lambda name: there if name == "toxiproxy-server" else Path("/go"))
    toxiproxy.provide(fake_host(install=built))
    assert locate.toxiproxy().is_relative_to(cache.root()), "its interface may be another one"


def test_the_official_release_goes_before_the_build(fake_host, monkeypatch):
    monkeypatch.setattr(engine, "reachable", lambda *_: True)
    host = fake_host(**{"-c": downloaded})
    toxiproxy.provide(host)
    assert versions.TOXIPROXY in host.commands[0][3], "the release of the pinned version was asked for"
    assert not any("install" in words for words in host.commands), "nothing was built"
    assert locate.toxiproxy().exists(), "it is in the cache"


@pytest.mark.parametrize("answer", ["a login page", "an old one"])
def test_what_is_not_the_release_is_followed_by_the_build(fake_host, monkeypatch, built, answer):
    def wrong(words, _cwd) -> None:
        Path(words[-1]).write_text("<html>") if answer == "a login page" else script(Path(words[-1]), "1.0.0")
    monkeypatch.setattr(engine, "reachable", lambda *_: True)
    host = fake_host(**{"-c": wrong, "install": built})
    toxiproxy.provide(host)
    assert "could not be used; building instead" in host.told, "the user learns why"
    assert versions.TOXIPROXY in locate.said(locate.toxiproxy(), "-version"), "the second way worked"


def test_a_second_set_up_does_nothing(fake_host, built):
    toxiproxy.provide(fake_host(install=built))
    host = fake_host()
    toxiproxy.provide(host)
    assert host.commands == [], "the cached copy is whole"


def test_without_go_the_ways_out_are_named(fake_host, monkeypatch):
    monkeypatch.setattr(locate, "find", lambda name: None)
    with pytest.raises(SetupProblem) as refused:
        toxiproxy.provide(fake_host())
    assert "https://go.dev/doc/install" in str(refused.value), "one way out"
    assert "https://github.com/Shopify/toxiproxy/releases" in str(refused.value), "the other way out"
    with pytest.raises(SetupProblem, match="make setup"):
        locate.toxiproxy()
