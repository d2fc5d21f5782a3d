"""Azurite is installed from the committed lock and used only when the copy is whole."""

import json
from pathlib import Path

import pytest

from tools import azurite, locate, versions
from tools.problem import SetupProblem


@pytest.fixture(autouse=True)
def new_node(monkeypatch):
    monkeypatch.setattr(azurite, "refuse_old_node", lambda: None)


def installs(_words, folder: Path) -> None:
    """What `npm ci` leaves, in small."""
    assert (folder / "package-lock.json").exists(), "npm ci reads the lock beside it"
    program = folder / "node_modules/.bin/azurite"
    program.parent.mkdir(parents=True)
    program.write_text("#!/usr/bin/env node\n")


def test_it_is_installed_once(fake_host):
    azurite.provide(fake_host(npm=installs))
    again = fake_host()
    azurite.provide(again)
    assert again.commands == [], "a complete copy is used as it is, without the network"
    assert locate.azurite().name == "azurite", "and found"


def test_an_incomplete_copy_is_not_used_but_installed_again(fake_host):
    azurite.provide(fake_host(npm=installs))
    locate.azurite().unlink()
    with pytest.raises(SetupProblem, match="make setup"):
        locate.azurite()
    host = fake_host(npm=installs)
    azurite.provide(host)
    assert "is not complete" in host.told, "the user learns why it is installed again"
    assert locate.azurite().exists(), "the copy is whole"


def test_a_failed_installation_leaves_nothing(fake_host, failing):
    with pytest.raises(SetupProblem):
        azurite.provide(fake_host(npm=failing))
    with pytest.raises(SetupProblem):
        locate.azurite()


def test_the_lock_pins_the_version_that_the_cache_is_keyed_by():
    lock = json.loads((azurite.PINS / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/azurite"]["version"] == versions.AZURITE, "tools/versions.py names the same"
    unpinned = [name for name, package in lock["packages"].items() if name and "integrity" not in package]
    assert unpinned == [], "every package below it is checked against its hash"


def test_an_old_node_is_refused_by_its_version(monkeypatch, tmp_path):
    monkeypatch.undo()
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.20.4\n")
    node.chmod(0o755)
    monkeypatch.setattr(locate, "find", lambda name: node)
    with pytest.raises(SetupProblem, match=r"Node\.js 20 or newer; .*says v18\.20\.4"):
        azurite.refuse_old_node()
