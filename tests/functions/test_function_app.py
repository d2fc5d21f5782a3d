"""The function app: what triggers what, and what each trigger does."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import azure.functions as func
import function_app
import pytest
from triggers import commands, health, outbox, process, subscribers

from shipments.models import Dependency
from shipments.service import Shipments
from shipments.worker import Worker
from tests.shipments.conftest import Platform
from tests.shipments.servers import Identity
from tests.shipments.test_worker import registration

HOST = json.loads(Path(function_app.__file__).with_name("host.json").read_text())
FUNCTIONS = {function.get_function_name(): function for function in function_app.app.get_functions()}


def trigger(name: str) -> dict[str, Any]:
    return FUNCTIONS[name].get_trigger().get_dict_repr()


def handler(module: Any, name: str) -> Any:
    """The function that the host calls."""
    found = {
        builder._function.get_function_name(): builder._function for builder in module.blueprint._function_builders
    }
    return found[name].get_user_function()


@pytest.fixture
async def worker(clean: Platform, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    """The process's worker, connected to the tests' servers."""
    async with Worker.connect(clean.settings, Identity()) as worker:
        opened: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        opened.set_result(worker)
        monkeypatch.setattr(process, "_opening", opened)
        monkeypatch.setattr(health, "settings", lambda: clean.settings)
        monkeypatch.setattr(health, "_known", (0.0, False, {}))
        monkeypatch.setattr(health, "_lock", asyncio.Lock())
        yield worker


@pytest.mark.parametrize("queue", ["commands", "statistics", "notifications", "photos"])
def test_every_queue_has_its_trigger(queue: str) -> None:
    binding = trigger(queue)
    assert (binding["queueName"], binding["connection"]) == (queue, "QUEUES"), "by the identity-based connection"


def test_timers_publish_and_migrate() -> None:
    assert trigger("outbox")["schedule"] == "*/5 * * * * *", "news that a kill left behind wait five seconds"
    assert trigger("journal")["schedule"] == "*/2 * * * * *", "an entry that can leave is looked at soon"
    assert trigger("migrate")["runOnStartup"], "tables are there before the first command"


def test_the_host_waits_a_month_for_a_region() -> None:
    queues = HOST["extensions"]["queues"]
    hours, minutes, seconds = map(int, queues["visibilityTimeout"].split(":"))
    waiting = queues["maxDequeueCount"] * (hours * 3600 + minutes * 60 + seconds)
    assert waiting >= 30 * 24 * 3600, "until then a message is shown again, and not put where it ends after a week"
    assert queues["batchSize"] <= 32, "more is not taken: a queue gives 32 messages at once"


async def test_a_command_goes_all_the_way_to_its_subscribers(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    await shipments.submit(shipments.command(registration()))
    for name, module in (
        ("commands", commands),
        ("outbox", outbox),
        ("statistics", subscribers),
        ("notifications", subscribers),
    ):
        if module is outbox:
            await asyncio.sleep(0.3)
            await handler(module, name)(None)
            continue
        for message in await clean.queue(name).take():
            await handler(module, name)(func.QueueMessage(body=message))
    assert (await shipments.shipment("TN-000001")).status == "registered", "it can be tracked"
    assert await clean.rows("select count(*) from notifications") == [(1,)], "somebody is notified"
    assert await clean.rows("select shipments::int from statistics") == [(1,)], "and it is counted"


async def ask(name: str, method: str = "GET") -> func.HttpResponse:
    return await handler(health, name)(func.HttpRequest(method, f"/{name}", body=b""))


async def test_a_healthy_worker_tells_its_state_and_dependencies(worker: Worker) -> None:
    answer = await ask("healthz")
    told = json.loads(answer.get_body())
    assert answer.status_code == 200, told
    assert (told["service"], told["region"], told["state"], told["epoch"]) == ("worker", "eastus", "active", 0), (
        "who answers"
    )
    assert {entry["name"]: entry["ok"] for entry in told["dependencies"]} == {
        "database": True,
        "cache": True,
        "queues": True,
        "blobs": True,
    }, "each of them was asked"
    assert (await ask("healthz", "HEAD")).get_body() == b"", "a HEAD has no body"


async def test_a_worker_without_its_database_is_not_healthy_but_alive(
    worker: Worker, clean: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Worker.connect(replace(clean.settings, database_host="localhost:1"), Identity()) as lost:
        opened: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        opened.set_result(lost)
        monkeypatch.setattr(process, "_opening", opened)
        answer = await ask("healthz")
        assert answer.status_code == 503, "the edge sends nothing to it"
        (detail,) = [
            entry["detail"] for entry in json.loads(answer.get_body())["dependencies"] if entry["name"] == "database"
        ]
        assert "no answer" in detail or "Unavailable" in detail, "whoever looks reads what is missing"
        assert (await ask("livez")).status_code == 200, "the platform has no reason to replace the instance"


def test_the_end_of_the_event_loop_closes_the_workers_clients(
    prepared: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Worker.connect(prepared.settings, Identity())
    monkeypatch.setattr(process, "_opening", None)
    monkeypatch.setattr(process, "settings", lambda: prepared.settings)
    monkeypatch.setattr(Worker, "connect", lambda _: opened)
    closing = AsyncMock()
    monkeypatch.setattr(Identity, "close", closing)

    async def one_call() -> list[Dependency]:
        return await (await process.worker()).health()

    assert all(dependency.ok for dependency in asyncio.run(one_call())), "every client was in use"
    sessions = [opened.queues._service, *opened.blobs._accounts]
    assert [service._pipeline._transport.session for service in sessions] == [None] * 3, "no session is left open"
    assert opened.own._pool.closed and opened.writer._pool.closed, "nor a connection to the database"
    assert closing.await_count == 1, "nor the identity's"


async def test_a_worker_that_cannot_be_opened_is_opened_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_opening", None)
    monkeypatch.setattr(process, "settings", Mock(side_effect=[ValueError("app settings missing"), worker.settings]))
    monkeypatch.setattr(Worker, "connect", lambda settings: Worker(settings, Identity()))
    with pytest.raises(ValueError, match="missing"):
        await process.worker()
    assert await process.worker() is await process.worker(), "the next call tries again, and the process has one"
    process._keeping.cancel()
    await asyncio.wait([process._keeping])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_trigger_passes_what_its_function_takes(name: str) -> None:
    function = FUNCTIONS[name]
    taken = inspect.signature(function.get_user_function()).parameters
    assert list(taken) == [function.get_trigger().get_dict_repr()["name"]], "the host passes the argument by this name"
