"""The end of the whole platform: asked last, since nothing of it is left afterwards."""

import httpx
import psutil

from tests.e2e.conftest import Platform
from twin.runner.ports import is_free

SSCC = "106141412345678915"


def test_down_leaves_no_process_and_no_port(platform: Platform) -> None:
    platform.register(sscc=SSCC)
    status = platform.status()
    ports = [port for row in status["processes"] for port in row["ports"]]
    pids = [row["pid"] for row in status["processes"]]
    done = platform.run("down")
    assert done.returncode == 0, f"down ends well: {done.stderr}"
    assert [port for port in ports if not is_free(port)] == [], "every port is free again"
    assert [pid for pid in pids if psutil.pid_exists(pid)] == [], "every process is gone"
    again = platform.run("down")
    assert again.returncode == 0, f"down is safe to repeat: {again.stderr}"
    assert platform.run("status").returncode == 3, "status tells by its exit code that nothing runs"


def test_what_was_stored_is_there_after_the_next_up(platform: Platform) -> None:
    assert platform.run("up").returncode == 0, "the twin comes up again from what it stored"
    kept = httpx.get(f"{platform.api}/shipments/{SSCC}", timeout=10)
    assert kept.status_code == 200, f"the shipment is still there: {kept.text}"
