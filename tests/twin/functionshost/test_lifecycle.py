"""Stopping, dying, scaling, and refusing."""

import os
import signal
import subprocess
import time

import httpx

from tests.twin.functionshost.hosting import ECHO, Start, Storage, encoded, name, peeked, until


def test_a_graceful_stop_lets_running_functions_finish_and_releases_the_rest(storage: Storage, start: Start) -> None:
    queue = storage.queue(work := name())
    for number in range(4):
        queue.send_message(encoded(str(number)))
    slow = """
    @app.queue_trigger(arg_name="message", queue_name="%WORK%", connection="QUEUES")
    def slow(message: func.QueueMessage):
        note(started=True)
        time.sleep(2)
        note(done=True)
    """
    host = start(slow, WORK=work, PYTHON_THREADPOOL_THREAD_COUNT="1").ready()
    until(host.calls, "one function is running")
    assert host.stop() == 0, "the stop is clean"
    calls = host.calls()
    assert len([call for call in calls if "started" in call]) == len([call for call in calls if "done" in call]) == 1
    assert len(peeked(queue)) == 3, "those that did not start are visible at once, the finished one is gone"


def test_a_killed_workers_message_is_given_out_again_by_the_worker_that_replaces_it(
    storage: Storage, start: Start
) -> None:
    queue = storage.queue(work := name())
    queue.send_message(encoded("x"))
    once = ECHO + "    if message.dequeue_count == 1: await asyncio.sleep(60)\n"
    host = start(once, "--lease", "3", WORK=work)
    (first,) = until(host.calls, "the function starts")
    os.kill(first["pid"], signal.SIGKILL)
    _, second = until(lambda: host.calls() if len(host.calls()) == 2 else None, "the message comes again")
    assert second["count"] == 2 and second["pid"] != first["pid"], "another process takes the second delivery"
    assert host.events("worker_ended")[0]["code"] == -9, "the death is logged"


def test_workers_end_when_their_controller_is_killed(storage: Storage, start: Start) -> None:
    storage.queue(work := name())
    host = start(ECHO, WORK=work).ready()
    pid = host.events("started")[0]["pid"]
    host.process.kill()

    def gone() -> bool:
        return not os.path.exists(f"/proc/{pid}") or subprocess.run(["ps", "-o", "stat=", str(pid)]).returncode != 0

    until(gone, "the orphan ends itself")


def test_workers_are_added_while_the_queue_is_long(storage: Storage, start: Start) -> None:
    queue = storage.queue(work := name())
    for number in range(60):
        queue.send_message(encoded(str(number)))
    slow = ECHO + "    await asyncio.sleep(0.3)\n"
    host = start(slow, "--max-workers", "2", WORK=work, queues={"batchSize": 2, "newBatchThreshold": 1})
    until(lambda: len({call["pid"] for call in host.calls()}) == 2, "two workers share the queue")
    until(lambda: len(host.calls()) >= 60, "all are handled", 40)
    assert len({call["id"] for call in host.calls()}) == len(host.calls()) == 60, "each once"


def test_http_functions_answer_with_route_parameters_methods_and_prefix(start: Start) -> None:
    code = """
    bp = func.Blueprint()
    @bp.route(route="things/{kind}/{id:int}", methods=["GET"])
    async def thing(req: func.HttpRequest, context) -> func.HttpResponse:
        assert context.function_name == "thing" and context.invocation_id
        return func.HttpResponse(json.dumps({**req.route_params, **req.params}), mimetype="application/json",
                                 headers={"X-Seen": req.headers["X-Sent"]})
    @bp.route()
    def echo(req: func.HttpRequest):
        return req.get_body().decode()
    @bp.route(route="broken")
    def broken(req: func.HttpRequest):
        raise RuntimeError("secret")
    app.register_functions(bp)
    """
    host = start(code).ready()
    url = f"http://127.0.0.1:{host.port}"
    answer = httpx.get(f"{url}/api/things/parcel/7?q=1", headers={"x-sent": "yes"})
    assert answer.json() == {"kind": "parcel", "id": "7", "q": "1"}, "route and query parameters arrive as text"
    assert (answer.headers["x-seen"], answer.headers["content-type"]) == ("yes", "application/json; charset=utf-8")
    assert httpx.post(f"{url}/api/things/parcel/7").status_code == 405, "other methods are refused"
    assert httpx.get(f"{url}/api/things/parcel/x").status_code == 404, "the constraint is part of the route"
    assert httpx.post(f"{url}/api/echo", content=b"hello").text == "hello", "text answers, any method, the name's route"
    broken = httpx.get(f"{url}/api/broken")
    assert (broken.status_code, broken.text) == (500, ""), "an error tells nothing to the caller"
    assert httpx.get(f"{url}/admin/host/status").json()["state"] == "Running", "the host survives"


def test_a_package_with_unsupported_parts_is_refused_by_name(start: Start) -> None:
    code = """
    @app.service_bus_queue_trigger(arg_name="m", queue_name="q", connection="BUS")
    def bus(m): ...
    @app.timer_trigger(arg_name="t", schedule="0 * * * * *")
    @app.queue_output(arg_name="out", queue_name="q", connection="QUEUES")
    def output(t, out): ...
    """
    host = start(code)
    assert host.process.wait(30) == 78, "the host ends with EX_CONFIG"
    (refusal,) = host.events("refused")
    assert "function bus: trigger serviceBusTrigger" in refusal["reason"], "the trigger is named"
    assert "function output: binding queue" in refusal["reason"], "the binding is named"


def test_a_busy_port_and_a_wrong_host_json_are_refused(storage: Storage, start: Start) -> None:
    storage.queue(work := name())
    first = start(ECHO, WORK=work).ready()
    second = start(ECHO, "--port", str(first.port), WORK=work)
    assert second.process.wait(30) == 1 and str(first.port) in second.events("refused")[0]["reason"]
    third = start(ECHO, WORK=work, queues={"batchSize": 33})
    assert third.process.wait(30) == 78 and "batchSize must be 1 to 32, got 33" in third.events("refused")[0]["reason"]
    fourth = start(ECHO)
    assert fourth.process.wait(30) == 78 and "%WORK%" in fourth.events("refused")[0]["reason"], "setting is named"


def test_the_packages_own_modules_win_over_the_checkouts(start: Start) -> None:
    code = """
    import importlib.util, shipments
    found = [shipments.__file__, importlib.util.find_spec("components")]
    @app.route()
    def where(req): return json.dumps(found)
    """
    host = start(code, files={"shipments.py": ""}).ready()
    ours, other = httpx.get(f"http://127.0.0.1:{host.port}/api/where").json()
    assert ours == str(host.package / "shipments.py"), "the package's shipments is imported"
    assert other is None, "what only the checkout has is not there"


def test_stopping_takes_no_longer_than_it_has_to(storage: Storage, start: Start) -> None:
    storage.queue(work := name())
    host = start(ECHO, WORK=work).ready()
    began = time.monotonic()
    assert host.stop() == 0, "clean"
    assert time.monotonic() - began < 3, "an idle host stops at once"
