"""Ctrl-C, TERM and KILL during `up`: the state stays true, the lock is freed, nothing is left running."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from twin import engine
from twin.home import CHECKOUT

RUN = """
import pathlib, sys
from pulumi_azure_native import resources
from twin import engine
from twin.home import Home
def program():
    for number in range(3):
        resources.ResourceGroup(f"g{number}", resource_group_name=f"rg-{number}", location="eastus")
engine.up(Home(pathlib.Path(sys.argv[1])), "primary", program=program)
"""


def interrupted(cloud, how: signal.Signals) -> subprocess.Popen:
    """Runs `up` in a process of its own, which is signalled while the control plane is at work."""
    process = subprocess.Popen([sys.executable, "-c", RUN, cloud.home.root], cwd=CHECKOUT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=os.environ | {"PYTHONPATH": str(CHECKOUT)})
    until(lambda: cloud.calls or process.poll() is not None)
    process.send_signal(how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=60)
    return process


def until(happened, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.05)


def engines(cloud) -> list[str]:
    """Processes of the engine and its plugins that work for this home."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ") as environment:
            if f"TWIN_HOME={cloud.home.root}" in environment.read():
                found.append(pid)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc for what is left running")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_an_interrupted_up_can_simply_be_repeated(new_cloud, how: signal.Signals) -> None:
    cloud = new_cloud
    cloud.seconds = 1.0
    process = interrupted(cloud, how)
    assert process.returncode != 0, "an interrupted run does not say that it succeeded"
    until(lambda: not engines(cloud), 30)
    assert engines(cloud) == [], "neither engine nor plugins outlive the run"
    cloud.seconds = 0.0
    again = subprocess.run([sys.executable, "-c", RUN, cloud.home.root], cwd=CHECKOUT, capture_output=True, text=True,
                           env=os.environ | {"PYTHONPATH": str(CHECKOUT)}, timeout=120)
    assert again.returncode == 0, f"the next run just works: {again.stderr}"
    state = json.loads(engine._checkpoint(cloud.home, "primary").read_text())["checkpoint"]["latest"]
    groups = [r["id"] for r in state["resources"] if r["type"].endswith("ResourceGroup")]
    assert len(groups) == 3 and not state.get("pending_operations"), "the next run finds or creates all, once"
    assert set(groups) == set(cloud.stored), "the state is what the control plane has"
