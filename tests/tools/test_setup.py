"""The command itself: what it says, what it returns, and what it does on the wrong machine."""

import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tools import locate, setup
from tools.host import Host, end_group
from tools.problem import SetupProblem

CHECKOUT = Path(setup.__file__).resolve().parent.parent


def test_an_old_python_is_told_what_to_do(monkeypatch):
    source = (CHECKOUT / "tools/__init__.py").read_text()
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(SystemExit) as left:
        exec(compile(source, "tools/__init__.py", "exec"), {})
    assert "Python 3.11 or newer is needed" in str(left.value), "the limit"
    assert "make PYTHON=" in str(left.value), "the next act"


def test_a_problem_is_a_sentence_and_status_1(monkeypatch, capsys):
    def refuse(_host):
        raise SetupProblem("no disk: free some")

    monkeypatch.setattr(setup, "STEPS", {"up": (refuse,)})
    assert setup.main([]) == 1, "make must stop"
    assert "Set-up stopped: no disk: free some" in capsys.readouterr().err, "no traceback, only what to do"


def test_an_interrupt_says_that_the_next_run_goes_on(monkeypatch, capsys):
    def interrupt(_host):
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "STEPS", {"up": (interrupt,)})
    assert setup.main([]) == 130, "the shell's number for an interrupt"
    assert "goes on from here" in capsys.readouterr().err, "nothing is lost"


def test_quiet_means_silent_when_nothing_was_missing(monkeypatch, capsys):
    monkeypatch.setattr(setup, "STEPS", {"up": ()})
    assert (setup.main(["--quiet"]), capsys.readouterr().out) == (0, ""), "other commands have their own output"


def test_a_step_tells_what_it_does_and_how_long_it_took():
    lines = []
    Host(say=lines.append).run("true", doing="doing nothing")
    assert re.fullmatch(r"\[ +[\d.]+ s\] doing nothing …", lines[0]), "said before it begins"
    assert re.fullmatch(r"\[ +[\d.]+ s\] doing nothing: [\d.]+ s", lines[1]), "and its time at the end"


def test_a_failing_step_shows_the_end_of_its_output():
    with pytest.raises(SetupProblem, match=r"(?s)exit 3.*no such package"):
        Host(say=lambda _: None).run("sh", "-c", "echo no such package; exit 3", doing="installing")


def test_a_step_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr("tools.host.HEARTBEAT_SECONDS", 0.05)
    lines = []
    with pytest.raises(SetupProblem, match="given up"):
        Host(say=lines.append).run("sh", "-c", "echo at work; exec sleep 60", doing="waiting", timeout=0.2)
    assert any("at work" in line for line in lines), "while it runs, its last line is shown"


def test_an_interrupted_step_takes_its_children_with_it(monkeypatch, tmp_path):
    def interrupt(self, *_arguments):
        while not (tmp_path / "child").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(Host, "_beat", interrupt)
    monkeypatch.setattr("tools.host.end_group", partial(end_group, patience=0.3))
    stubborn = f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/child; wait"
    with pytest.raises(KeyboardInterrupt):
        Host(say=lambda _: None).run("sh", "-c", stubborn, doing="holding on")
    child = int((tmp_path / "child").read_text())
    assert ends(child, within=5), "nothing goes on writing into the cache"


def ends(pid: int, within: float) -> bool:
    """Whether the process is gone, or only waits to be collected, after at most `within` seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("version", ["3.250.0", "v3.251.2", "v3.300.0-alpha.1"])
def test_a_cli_of_the_same_major_version_and_not_older_suits(version):
    assert locate.suits(version, "3.250.0"), "the engine keeps compatibility within a major version"


@pytest.mark.parametrize("version", ["", "v3.249.0", "v4.0.0", "not a version"])
def test_any_other_cli_does_not_suit(version):
    assert not locate.suits(version, "3.250.0"), "the SDK may ask for what it does not have"


def test_set_up_needs_nothing_but_the_standard_library():
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import tools.setup",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"it runs before any package is installed: {done.stderr}"
