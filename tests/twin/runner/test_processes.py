"""The runner with real processes."""

import asyncio
import signal
import socket
import sys
import time

import psutil
import pytest

from twin.home import Home
from twin.runner import PortBook, ProcessSpec, Runner, Tcp, end_leftovers
from twin.runner.system import bound, rotate
from twin.services.base import TwinError

SERVER = ("import sys; from http.server import SimpleHTTPRequestHandler, test;"
          "test(SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')")


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def runner(home):
    runner = Runner(home)
    yield runner
    await runner.stop_all()


def python(home, code: str, *arguments: str, **changes) -> ProcessSpec:
    """A Python one-liner as a process."""
    return ProcessSpec(**{"name": "server", "command": (sys.executable, "-c", code, *arguments), "cwd": home.root,
                          "environment": {}, "region": "eastus", "service": "test", "stop_within": 2.0} | changes)


def gone(pid: int) -> bool:
    """Whether nothing of it is left but, perhaps, an exit code that nobody collected yet."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_server_is_ready_when_it_listens_and_gone_when_stopped(home, runner, port):
    process = await runner.start(python(home, SERVER, str(port), ports=(port,), ready=Tcp(port)))
    assert await Tcp(port)(), "it listens once start returned"
    await runner.stop("server")
    assert gone(process.pid), "no process is left"
    assert not await Tcp(port)(), "nor its port"


async def test_a_killed_server_comes_back(home, runner, port):
    process = await runner.start(python(home, SERVER, str(port), ports=(port,), ready=Tcp(port)))
    first = process.pid
    psutil.Process(first).kill()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if process.pid not in (None, first) and process.state == "ready":
            break
    assert process.state == "ready", "the runner started it again"
    assert (process.restarts, await Tcp(port)()) == (1, True), "once, and it serves"


async def test_a_process_that_ignores_term_is_killed_with_its_children(home, runner):
    code = ("import signal, subprocess, sys, time; signal.signal(15, signal.SIG_IGN);"
            "print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)")
    await runner.start(python(home, code, stop_within=0.3))
    log = home.logs / "server.log"
    while not log.read_text().strip():
        await asyncio.sleep(0.02)
    began = time.monotonic()
    await runner.stop("server")
    assert time.monotonic() - began < 3, "KILL follows after the named wait"
    child = int(log.read_text())
    assert gone(child), "its child went with it"


async def test_what_a_killed_daemon_left_is_ended_by_the_next(home, port):
    lost = Runner(home)
    process = await lost.start(python(home, SERVER, str(port), ports=(port,), ready=Tcp(port)))
    lost._watchers.pop("server").cancel()
    assert await end_leftovers(home) == ["server"], "the record names it"
    assert not await Tcp(port)(), "and it is gone"
    assert await end_leftovers(home) == [], "a second look finds nothing"
    assert process.pid, "the first runner never stopped it itself"


async def test_a_port_taken_by_another_process_is_told_with_its_owner(home, runner):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(TwinError, match=rf"port {taken} for server is taken by pid \d+ \(.*python.*end that"):
            await runner.start(python(home, SERVER, str(taken), ports=(taken,), ready=Tcp(taken)))
    assert runner.all() == [], "nothing was started"


async def test_an_executable_that_is_missing_is_told_plainly(home, runner):
    with pytest.raises(TwinError, match="server cannot be started: /no/such: No such file"):
        await runner.start(python(home, "", command=("/no/such",)))


async def test_ports_stay_with_their_name(home):
    book = PortBook(Home(home.root, first_port=21000), ours=lambda port: False)
    first, second = await book.of("a"), await book.of("b")
    again = PortBook(Home(home.root, first_port=22000), ours=lambda port: False)
    assert (await again.of("a"), await again.of("b")) == (first, second), "a new daemon gives the same ports"
    assert first != second, "no two names share one"


async def test_a_busy_port_is_skipped_for_a_new_name_and_refused_for_an_old_one(home):
    book = PortBook(Home(home.root, first_port=23000), ours=lambda port: False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 23000))
        other.listen()
        assert await book.of("a") > 23000, "a new name gets a free one"
    port = await book.of("a")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(TwinError, match=f"port {port} for a is taken by pid"):
            await book.of("a")


def test_logs_are_moved_aside_when_too_large(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x" * 100)
    rotate(log, limit=50)
    assert (log.exists(), (tmp_path / "a.log.1").stat().st_size) == (False, 100), "the old log is kept once"
    log.write_text("y" * 100)
    bound(log, limit=50)
    assert (log.stat().st_size, (tmp_path / "a.log.1").read_text()[0]) == (0, "y"), "emptied while it is appended to"


async def test_a_stop_signal_of_its_own_is_used(home, runner):
    code = ("import signal, sys, time; signal.signal(2, lambda *_: (print('fast', flush=True), sys.exit(0)));"
            "print('on', flush=True); time.sleep(60)")
    await runner.start(python(home, code, stop_signal=signal.SIGINT))
    log = home.logs / "server.log"
    while "on" not in log.read_text():
        await asyncio.sleep(0.02)
    await runner.stop("server")
    assert "fast" in log.read_text(), "PostgreSQL's fast shutdown is INT"
