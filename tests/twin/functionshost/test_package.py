"""Reading host.json and the package, without a running host."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.twin.functionshost.hosting import ROOT
from twin.functionshost.hostjson import Refused, read
from twin.functionshost.queues import backoff


def host_json(folder: Path, **document: object) -> Path:
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **document}))
    return folder


def test_defaults_are_those_of_the_queue_extension(tmp_path: Path) -> None:
    host = read(host_json(tmp_path))
    assert (host.batch_size, host.new_batch_threshold, host.max_dequeue) == (16, 8, 5), "16, half of it, 5"
    assert (host.max_polling, host.visibility, host.base64, host.function_timeout) == (60, 0, True, 1800), "documented"
    assert host.route_prefix == "api", "the default prefix"


def test_the_threshold_follows_the_batch_size_and_minus_one_means_no_timeout(tmp_path: Path) -> None:
    host = read(host_json(tmp_path, functionTimeout="-1", extensions={"queues": {"batchSize": 32}}))
    assert (host.new_batch_threshold, host.function_timeout) == (16, None), "half of 32, and no limit"


@pytest.mark.parametrize(
    ("queues", "said"),
    [
        ({"batchSize": 33}, "batchSize must be 1 to 32, got 33"),
        ({"batchSize": True}, "batchSize must be 1 to 32, got True"),
        ({"maxPollingInterval": 2000}, "maxPollingInterval must be a time span hh:mm:ss, got 2000"),
        ({"messageEncoding": "utf8"}, "messageEncoding"),
        ({"maxDequeueCount": 0}, "maxDequeueCount must be 1 to"),
    ],
)
def test_values_out_of_range_are_refused_by_name(tmp_path: Path, queues: dict[str, object], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(host_json(tmp_path, extensions={"queues": queues}))
    assert said in str(refusal.value), "the refusal names the key and the value"


def test_polling_backs_off_exponentially_up_to_the_longest_interval() -> None:
    waits = [backoff(empty, 2.0) for empty in range(10)]
    assert waits[0] == 0.1 and 0.17 < waits[1] < 0.23, "a tenth of a second, then about two"
    assert waits[-1] == 2.0 and max(waits) == 2.0, "never more than maxPollingInterval"
    assert waits == sorted(waits), "never faster while the queue stays empty"


def test_all_functions_of_the_project_are_accepted(tmp_path: Path) -> None:
    package = shutil.copytree(ROOT / "functions", tmp_path / "package")
    shutil.copytree(ROOT / "shipments", package / "shipments")
    load = (
        "import sys, pathlib, json\n"
        "from twin.functionshost import package, hostjson, timers, web\n"
        "host = hostjson.read(pathlib.Path(sys.argv[1])); package.enter(host.package)\n"
        "print(json.dumps({f.name: f.trigger['type'] for f in package.load()}))\n"
    )
    run = subprocess.run([sys.executable, "-c", load, package], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    accepted = json.loads(run.stdout.splitlines()[-1])
    assert {"queueTrigger", "timerTrigger", "httpTrigger"} <= set(accepted.values()), "every kind in use runs here"
