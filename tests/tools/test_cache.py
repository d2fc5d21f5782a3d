"""The cache keeps complete folders only, and one builder at a time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import cache

HOLD_LOCK = """
import sys, time
from tools import cache
with cache.locked("engine", lambda: print("waiting", flush=True)):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""


def filled(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "below" / "part").write_text("content")


def holder(seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", HOLD_LOCK, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})


def test_a_built_folder_is_complete():
    folder = cache.entry("tool", "1.0")
    cache.build(folder, filled)
    assert cache.complete(folder), "build seals what it made"
    assert [path.name for path in folder.parent.iterdir()] == ["1.0"], "nothing partial is left beside it"


@pytest.mark.parametrize("name", ["program", "below/part", cache.SEAL])
def test_a_folder_that_lost_a_file_is_not_complete(name):
    folder = cache.entry("tool", "1.0")
    cache.build(folder, filled)
    (folder / name).unlink()
    assert not cache.complete(folder), f"{name} is gone, and using the rest would fail later and obscurely"


def test_a_truncated_file_is_noticed():
    folder = cache.entry("tool", "1.0")
    cache.build(folder, filled)
    (folder / "below" / "part").write_text("cont")
    assert not cache.complete(folder), "a full disk truncates files; the seal knows their total size"


def test_an_interrupted_build_leaves_nothing_that_counts_and_the_next_one_starts_afresh():
    folder = cache.entry("tool", "1.0")

    def interrupted(partial: Path) -> None:
        filled(partial)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.build(folder, interrupted)
    assert not folder.exists(), "the folder appears only by the rename at the end"
    cache.build(folder, filled)
    assert cache.complete(folder), "what the interrupted build left does not disturb the next one"


def test_a_child_of_a_killed_set_up_that_still_writes_does_no_harm():
    folder = cache.entry("tool", "1.0")
    orphaned = folder.with_name("1.0.partial-orphan")

    def while_the_orphan_writes(partial: Path) -> None:
        filled(partial)
        orphaned.mkdir()
        (orphaned / "late").write_text("written by a child whose parent was killed")

    cache.build(folder, while_the_orphan_writes)
    assert not (folder / "late").exists(), "each build has a folder of its own"
    cache.build(folder, filled)
    assert not orphaned.exists(), "and the next build sweeps what is left"


def test_the_old_copy_stays_until_the_new_one_is_whole():
    folder = cache.entry("tool", "1.0")
    cache.build(folder, filled)

    def failing(partial: Path) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        cache.build(folder, failing)
    assert cache.complete(folder), "a failed rebuild must not take away what worked"


def test_the_second_set_up_waits_for_the_first_and_says_so():
    first = holder(1.0)
    assert first.stdout.readline() == "held\n", "the first set-up has the lock"
    second = holder(0)
    assert second.stdout.readline() == "waiting\n", "the second one tells its user why nothing happens"
    assert first.poll() is None, "and it says so while the first still works"
    assert second.stdout.readline() == "held\n", "then it goes on"
    assert (first.wait(10), second.wait(10)) == (0, 0), "both end well"


def test_a_killed_set_up_frees_its_lock():
    first = holder(60)
    first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    began = time.monotonic()
    with cache.locked("engine", lambda: pytest.fail("the lock of a dead process must be free")):
        assert time.monotonic() - began < 1, "the kernel frees the lock with the process"


def test_the_cache_follows_the_usual_variables(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.root() == tmp_path / "cache", "TRACKING_CACHE goes first"
    monkeypatch.delenv("TRACKING_CACHE")
    assert cache.root() == tmp_path / "xdg" / "two-region-portal", "then the XDG base folder"
