"""The daemon and the commands, as processes, in a home and on ports of their own."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from twin.cloud.client import Daemon
from twin.home import CHECKOUT, Home
from twin.services.base import TwinError


def free_ports() -> int:
    """The first of some ports below those that the system gives to connections; each run takes others."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1] % 5000 + 20000


@pytest.fixture
def home(tmp_path) -> Home:
    first = free_ports()
    return Home(tmp_path / "home", edge_port=first + 1000, first_port=first)


@pytest.fixture
def daemon(home):
    home.prepare()
    daemon = Daemon(home)
    yield daemon
    daemon.stop()


def command(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `python -m twin …`."""
    return subprocess.run([sys.executable, "-m", "twin", *arguments], cwd=CHECKOUT, text=True, capture_output=True,
                          env={**os.environ, **home.environment}, timeout=60, check=False)


def pid(home: Home) -> int:
    return json.loads(home.control.read_text())["pid"]


def test_a_daemon_is_started_once_killed_found_and_ended(home, daemon):
    daemon.start()
    first = pid(home)
    daemon.start()
    assert pid(home) == first, "a second start finds the first one"
    assert daemon.suits(), "it has this code and this port"
    os.kill(first, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], 5)
    assert not daemon.alive(), "its lock went with it"
    with pytest.raises(TwinError, match="is not running; `make up`"):
        daemon.ask("GET", "/twin/status")
    daemon.start()
    assert daemon.ask("GET", "/twin/status")["processes"] == [], "the next one answers"
    daemon.stop()
    assert not daemon.alive(), "and ends when told"


def test_it_speaks_https_with_its_own_authority_and_keeps_its_ports(home, daemon):
    daemon.start()
    before = json.loads(home.control.read_text())
    context = ssl.create_default_context(cafile=before["ca"])
    answer = httpx.get(before["arm"] + "/subscriptions/x?api-version=1", verify=context, trust_env=False)
    assert answer.json()["error"]["code"] == "AuthenticationFailed", "clients verify it with the bundle"
    daemon.stop()
    daemon.start()
    after = json.loads(home.control.read_text())
    assert (after["url"], after["arm"]) == (before["url"], before["arm"]), "the next one listens where the first did"
    assert after["token"] != before["token"], "with a token of its own"
    assert home.control.stat().st_mode & 0o077 == 0, "which is its owner's alone"


def test_a_port_that_another_process_took_is_told(home, daemon):
    daemon.start()
    url = json.loads(home.control.read_text())["url"]
    daemon.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(url.rpartition(":")[2])))
        other.listen()
        with pytest.raises(TwinError, match=rf"did not start:\nport \d+ for control is taken by pid {os.getpid()}"):
            daemon.start()


def test_commands_tell_a_twin_that_is_not_running_by_their_exit_code(home):
    assert command(home, "status").returncode == 3, "status: not running"
    assert json.loads(command(home, "status", "--json").stdout)["running"] is False, "also as JSON"
    assert command(home, "down").returncode == 0, "nothing to stop is no error"
    assert command(home, "nonsense").returncode == 2, "wrong usage"
    log = command(home, "logs", "redis")
    assert (log.returncode, "there is no log of 'redis'" in log.stderr) == (1, True), "with the names that there are"


def test_faults_are_put_on_told_and_taken_off_by_commands(home, daemon):
    assert "is not running; `make up`" in command(home, "fault", "list").stderr, "there is nothing to break"
    daemon.start()
    assert command(home, "fault", "lag", "5").stdout == "on: lag 5 s\n", "what is on now"
    listed = json.loads(command(home, "fault", "list", "--json").stdout)
    assert [fault["kind"] for fault in listed["faults"]] == ["lag"], "for machines, too"
    status = command(home, "status")
    assert (status.returncode, "fault: lag 5 s" in status.stdout) == (1, True), "a broken twin is not well"
    wrong = command(home, "fault", "kill", "mars")
    assert (wrong.returncode, "no region of the twin 'mars'" in wrong.stderr) == (1, True), "plainly refused"
    assert command(home, "fault", "partition", "eastus").returncode == 2, "wrong usage"
    daemon.stop()
    daemon.start()
    assert command(home, "fault", "heal").stdout == "healed: lag 5 s\n", "a fault survives the control plane"
    assert command(home, "status").returncode == 0, "all is well"


def test_a_folder_that_cannot_be_written_is_told_before_anything_starts(home, tmp_path):
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        done = command(Home(root, home.edge_port, home.first_port), "up")
        assert done.returncode == 1, "refused"
        assert f"cannot write to {root}" in done.stderr and "Traceback" not in done.stderr, "plainly"


def test_a_port_that_is_none_is_told(home):
    done = subprocess.run([sys.executable, "-m", "twin", "status"], cwd=CHECKOUT, text=True, capture_output=True,
                          env={**os.environ, "PORT": "80a"}, timeout=60, check=False)
    assert (done.returncode, done.stderr.strip()) == (
        1, "error: PORT must be a port, 1 to 65535; got '80a'. Unset it for 8080."), "limit, value and next act"


def test_the_edge_port_is_checked_before_the_long_work(home):
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.edge_port))
        other.listen()
        began = time.monotonic()
        done = command(home, "up")
    assert f"port {home.edge_port} for edge is taken by pid {os.getpid()}" in done.stderr, "with its owner"
    assert (done.returncode, time.monotonic() - began < 30) == (1, True), "at once"
    assert not Daemon(home).alive(), "nothing was started"


def test_a_second_up_is_refused_and_told_of_the_first(home):
    home.prepare()
    holder = ("import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX);"
              "f.write('`up` with pid 4711'); f.flush(); print(flush=True); time.sleep(60)")
    first = subprocess.Popen([sys.executable, "-c", holder, home.run / "up.lock"], stdout=subprocess.PIPE)
    first.stdout.readline()
    done = command(home, "up")
    first.kill()
    first.wait()
    assert (done.returncode, "`up` with pid 4711 is at work" in done.stderr) == (1, True), "named, not raced"


def test_purge_deletes_what_the_twin_made_and_nothing_else(home):
    home.prepare()
    (home.root / "notes.txt").write_text("mine")
    assert command(home, "down", "--purge").returncode == 0, "as asked"
    assert [file.name for file in home.root.iterdir()] == ["notes.txt"], "a folder named by mistake keeps its files"


def test_a_deleted_home_ends_its_daemon_and_all_that_it_runs(home, daemon):
    daemon.start()
    control = json.loads(home.control.read_text())
    answer = httpx.put(f"{control['url']}/twin/resources", timeout=60, headers={
        "Authorization": f"Bearer {control['token']}"}, json={
            "type": "azure-native:storage:StorageAccount", "name": "photos", "inputs": {
                "location": "eastus", "accountName": "photos", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
            "id": "/subscriptions/0/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/photos"})
    assert answer.status_code == 200, f"an account runs: {answer.text}"
    family = [psutil.Process(control["pid"]), *psutil.Process(control["pid"]).children(recursive=True)]
    assert len(family) > 1, "the account is a process of the daemon"
    shutil.rmtree(home.root, ignore_errors=True)
    assert not psutil.wait_procs(family, 20)[1], "nothing is left that no command could find any more"
