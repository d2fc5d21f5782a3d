"""Reads through the edge against a bare FastAPI handler that does one Redis GET, in the same run."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from bench.measure import Figure, ended, median
from bench.twin_up import Twin
from tests.shipments.servers import free_port

CONNECTIONS, SECONDS, ROUNDS = 32, 8, 3
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def load(url: str) -> tuple[float, float]:
    """-> (requests/s, p99 in seconds) of one `wrk` run; any answer but 2xx is an error of the run."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"the load on {url} met errors, so its figures count for nothing:\n{text}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), float(number) * UNITS[unit]


def started(command: list[str], port: int, **more) -> subprocess.Popen:
    """Starts a process and waits until it accepts connections."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    process.kill()
    raise SystemExit(f"{command[0]} did not listen on port {port} within 20 s")


def run(twin: Twin) -> list[Figure]:
    """Registers one shipment, warms its cache, and loads both in turn."""
    if not shutil.which("wrk"):
        raise SystemExit("the load generator `wrk` is not installed: apt-get install wrk (or brew install wrk)")
    url = register(twin)
    redis_port, web_port = free_port(), free_port()
    redis = started(["redis-server", "--port", str(redis_port), "--save", "", "--bind", "127.0.0.1"], redis_port)
    try:
        bare = started(
            [sys.executable, "-m", "uvicorn", "bench.floor.handler:app", "--port", str(web_port),
             "--no-access-log", "--log-level", "warning"],
            web_port,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "REDIS_URL": f"redis://127.0.0.1:{redis_port}", "BODY": httpx.get(url).text},
        )
        try:
            rounds = [(load(f"http://127.0.0.1:{web_port}/shipment"), load(url)) for _ in range(ROUNDS)]
        finally:
            ended(bare)
    finally:
        ended(redis)
    floor_rate, rate = median(r[0][0] for r in rounds), median(r[1][0] for r in rounds)
    floor_p99, p99 = median(r[0][1] for r in rounds), median(r[1][1] for r in rounds)
    return [
        Figure("read: requests/s through the edge", rate, floor_rate, "req/s", goal=0.8, at_least=True),
        Figure("read: p99 through the edge", p99 * 1000, floor_p99 * 1000, "ms", goal=1.5),
    ]


def register(twin: Twin) -> str:
    """-> the URL of a shipment that is applied and cached."""
    answer = httpx.post(f"{twin.api}/shipments", json=twin.shipment, headers={"Prefer": "wait=30"}, timeout=40)
    answer.raise_for_status()
    url = str(httpx.URL(f"{twin.api}/").join(answer.headers["Location"]))
    for _ in range(3):
        httpx.get(url).raise_for_status()
    return url


