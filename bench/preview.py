"""The credential-free preview of the whole stack against the engine's floor for the same number of resources."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import Figure, median

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3


def timed(*arguments: str, **more) -> tuple[float, str]:
    """-> (seconds, standard output) of one run of this Python."""
    start = time.monotonic()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - start, done.stdout


def run(stack: str) -> list[Figure]:
    """Previews from an empty state, so that every resource is a create on both sides."""
    with tempfile.TemporaryDirectory() as home:
        ours = ("-m", "twin", "preview", "--stack", stack, "--json")
        environment = {**os.environ, "TWIN_HOME": home}
        first = json.loads(timed(*ours, env=environment)[1])
        count = sum(first["changeSummary"].values())
        rounds = [
            (timed("-m", "bench.floor.program", str(count - 1))[0], timed(*ours, env=environment)[0])
            for _ in range(ROUNDS)
        ]
    floor, value = median(r[0] for r in rounds), median(r[1] for r in rounds)
    return [Figure(f"preview of {count} resources", value, floor, "s", goal=1.5)]
