"""The virtual environment follows the lock, and the lock follows the requirement files."""

import shutil
import sys
from pathlib import Path

import pytest

from tools import environment
from tools.problem import SetupProblem


@pytest.fixture
def checkout(tmp_path) -> Path:
    """Requirement files with a lock made from them."""
    folder = tmp_path / "checkout"
    for name in environment.REQUIREMENT_FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("httpx==0.28.1\n")
    digest = environment.DIGEST_LINE + environment.digest_of_requirements(folder)
    (folder / environment.LOCK).write_text(f"{digest}\nhttpx==0.28.1\n")
    return folder


def creates(words: tuple[str, ...], _cwd) -> None:
    """What `uv venv` does."""
    venv = Path(words[-1])
    shutil.rmtree(venv, ignore_errors=True)
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").touch()
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion_info = {sys.version_info[0]}.{sys.version_info[1]}.0\n")


@pytest.mark.usefixtures("cached_uv")
def test_a_second_run_does_nothing(fake_host, checkout):
    environment.provide(fake_host(venv=creates), checkout)
    again = fake_host(venv=creates)
    environment.provide(again, checkout)
    assert (again.commands, again.lines) == ([], []), "the stamp tells that this lock is installed"


@pytest.mark.usefixtures("cached_uv")
def test_with_a_full_cache_nothing_goes_to_the_network(fake_host, checkout):
    host = fake_host(venv=creates)
    environment.provide(host, checkout)
    syncs = [words for words in host.commands if "sync" in words]
    assert len(syncs) == 1, "one installation is enough"
    assert "--offline" in syncs[0], "and it was told to stay away from the network"


@pytest.mark.usefixtures("cached_uv")
def test_what_the_cache_lacks_comes_from_pypi(fake_host, checkout):
    def fail_offline(words, _cwd):
        if "--offline" in words:
            raise SetupProblem("not cached")

    host = fake_host(venv=creates, sync=fail_offline)
    environment.provide(host, checkout)
    last = [words for words in host.commands if "sync" in words][-1]
    assert "--offline" not in last, "the second try may use the network"
    assert "--require-hashes" in last, "what comes from there must be what the lock names"


@pytest.mark.usefixtures("cached_uv")
def test_an_interrupted_installation_is_done_again(fake_host, checkout, failing):
    with pytest.raises(SetupProblem):
        environment.provide(fake_host(venv=creates, sync=failing), checkout)
    host = fake_host(venv=creates)
    environment.provide(host, checkout)
    assert any("sync" in words for words in host.commands), "no stamp was left by the one that failed"


@pytest.mark.usefixtures("cached_uv")
def test_a_moved_checkout_gets_its_environment_again(fake_host, checkout, tmp_path):
    environment.provide(fake_host(venv=creates), checkout)
    moved = checkout.rename(tmp_path / "moved")
    host = fake_host(venv=creates)
    environment.provide(host, moved)
    assert any("sync" in words for words in host.commands), "scripts in an environment carry its absolute path"


def test_a_lock_older_than_its_requirement_files_is_refused(fake_host, checkout):
    (checkout / "twin/requirements.txt").write_text("httpx==0.28.1\nrich==15.0.0\n")
    with pytest.raises(SetupProblem, match="make lock"):
        environment.provide(fake_host(), checkout)


def test_uv_is_fetched_once_and_only_its_binary_is_kept(fake_host):
    def makes(words, _cwd):
        (Path(words[-1]) / "bin").mkdir(parents=True)

    def installs(words, _cwd):
        (Path(words[0]).parent / "uv").write_text("binary")

    program = environment.uv(fake_host(venv=makes, pip=installs))
    assert program.read_text() == "binary", "the wheel's program is in the cache"
    assert not (program.parent / "scratch").exists(), "the environment it came through is not"
    again = fake_host()
    assert environment.uv(again) == program, "the cached one is found"
    assert again.commands == [], "without asking PyPI"
