"""A host that records instead of running, and a cache of its own for every test."""

from pathlib import Path

import pytest

from tools import cache, versions
from tools.host import Host
from tools.problem import SetupProblem


class FakeHost(Host):
    """Records what would be said and run; `effects` maps a word of the command to what running it does.

    An effect is called with the command and its working folder; it may raise SetupProblem, as a failing command does.
    """

    def __init__(self, **effects) -> None:
        self.lines: list[str] = []
        self.commands: list[tuple[str, ...]] = []
        self.effects = effects
        super().__init__(say=self.lines.append)

    def run(self, *command, doing, cwd=None, environment=None, timeout=None) -> None:
        words = tuple(str(part) for part in command)
        self.commands.append(words)
        self.say(doing)
        for word, effect in self.effects.items():
            if word in words:
                effect(words, cwd)

    @property
    def told(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def fake_host():
    """The class, so that a test can name the effects it needs."""
    return FakeHost


@pytest.fixture
def failing():
    """An effect: the command fails."""

    def fail(words: tuple[str, ...], _cwd: Path | None) -> None:
        raise SetupProblem(f"{words[0]} failed")

    return fail


@pytest.fixture(autouse=True)
def cache_root(tmp_path, monkeypatch) -> Path:
    """A cache of this test alone."""
    root = tmp_path / "cache"
    monkeypatch.setenv("TRACKING_CACHE", str(root))
    return root


@pytest.fixture
def cached_uv() -> None:
    """uv is in the cache, so that no test fetches it."""
    cache.build(cache.entry("uv", versions.UV), lambda folder: (folder / "uv").write_text("uv"))
