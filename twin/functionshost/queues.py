"""The queue trigger: batches, leases, retries and the poison queue of the Azure Functions queue extension.

- Polling, concurrency, poison messages, metadata:
  https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
- What those pages leave open follows the extension's source (QueueListener, QueueProcessor, QueueServiceClientProvider):
  https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src
"""

import asyncio
import base64
import contextlib
import math
import random
from typing import Any

import azure.functions as func
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from .connections import Connections
from .hostjson import Host
from .invoke import Failed, Invoker, NotStarted
from .logs import failure, log
from .package import Function

LEASE = 600.0
"""Seconds for which a received message is invisible to others; renewed at half time (QueueListener, 10 minutes)."""
FIRST_WAIT = 0.1
POISON, LONGEST_NAME = "-poison", 63


class QueueListener:
    """Feeds one function from one queue until its invoker stops."""

    def __init__(
        self, function: Function, host: Host, connections: Connections, invoker: Invoker, lease: float
    ) -> None:
        connection, name = function.trigger.get("connection"), function.trigger["queueName"]
        self._function, self._host, self._invoker, self._lease = function, host, invoker, lease
        self._queue = connections.queue(connection, name)
        self._poison_queue = connections.queue(connection, name + POISON) if _may_poison(name) else None
        self._running: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._full = False
        self.queue_name = name

    async def run(self) -> None:
        """Receive a batch whenever at most newBatchThreshold messages are being processed; back off while empty."""
        empty = 0
        while not self._invoker.stopping.is_set():
            messages = await self._receive()
            self._full = len(messages) == self._host.batch_size
            for message in messages:
                self._running.add(task := asyncio.create_task(self._process(message)))
                task.add_done_callback(self._done)
            if messages:
                empty = 0
                await self._room_for_a_batch()
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._invoker.stopping.wait(), backoff(empty, self._host.max_polling))
                empty += 1
        if self._running:
            await asyncio.wait(self._running)

    async def length(self) -> int:
        """Messages waiting, for scaling; asked only while batches come back full, so that an idle queue costs nothing."""
        return (await self._queue.get_queue_properties()).approximate_message_count or 0 if self._full else 0

    async def _receive(self) -> list[QueueMessage]:
        page = self._queue.receive_messages(
            messages_per_page=self._host.batch_size, visibility_timeout=math.ceil(self._lease)
        ).by_page()
        try:
            return [message async for message in await anext(page)]
        except StopAsyncIteration:
            return []
        except (AzureError, OSError) as error:  # a missing queue, an account away: keep polling, ever more slowly
            log("queue_unavailable", "warning", queue=self.queue_name, **failure(error))
            return []

    async def _room_for_a_batch(self) -> None:
        while len(self._running) > self._host.new_batch_threshold:
            self._room.clear()
            await self._room.wait()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if len(self._running) <= self._host.new_batch_threshold:
            self._room.set()

    async def _process(self, message: QueueMessage) -> None:
        """Run the function on one message and settle it; a settlement that fails leaves the message to its lease."""
        lease = _Lease(self._queue, message, self._lease)
        try:
            settle = await self._outcome(message)
            await lease.end()
            await settle
        except ResourceNotFoundError:
            log("message_gone", "warning", queue=self.queue_name, message=message.id)  # the lease ran out, or cleared
        except (AzureError, OSError) as error:
            log("message_not_settled", "error", queue=self.queue_name, message=message.id, **failure(error))
        finally:
            await lease.end()

    async def _outcome(self, message: QueueMessage) -> Any:
        """What is to be done with the message, as an awaitable."""
        if (message.dequeue_count or 0) > self._host.max_dequeue:
            return self._poison(message, "dequeued too often")
        try:
            body = base64.b64decode(message.content, validate=True) if self._host.base64 else message.content.encode()
        except ValueError:  # the extension poisons at once what it cannot decode
            return self._poison(message, "not base64")
        try:
            await self._invoker(self._function, _queue_message(message, body))
        except NotStarted:
            return self._show_again(message, 0)
        except Failed:
            if (message.dequeue_count or 0) >= self._host.max_dequeue:
                return self._poison(message, "failed too often")
            return self._show_again(message, self._host.visibility)
        return self._queue.delete_message(message.id, message.pop_receipt)

    async def _show_again(self, message: QueueMessage, after: float) -> None:
        await self._queue.update_message(message.id, message.pop_receipt, visibility_timeout=math.ceil(after))

    async def _poison(self, message: QueueMessage, reason: str) -> None:
        """Put first, then delete: a crash in between duplicates and never loses.  The copy lives seven days, as there.

        A queue that is itself a poison queue has none: its message stays invisible until its lease ends.
        """
        if self._poison_queue is None:
            return
        try:
            await self._poison_queue.send_message(message.content)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await self._poison_queue.create_queue()
            await self._poison_queue.send_message(message.content)
        await self._queue.delete_message(message.id, message.pop_receipt)
        fields = {"queue": self.queue_name, "message": message.id, "dequeued": message.dequeue_count}
        log("message_poisoned", "error", function=self._function.name, reason=reason, **fields)


class _Lease:
    """Keeps one message invisible while its function runs: a timer first, a task only when half the time is gone."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: float) -> None:
        self._queue, self._message, self._seconds = queue, message, seconds
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(seconds / 2, self._start)

    def _start(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        message = self._message
        while True:
            try:
                async with self._lock:
                    renewed = await self._queue.update_message(
                        message.id, message.pop_receipt, visibility_timeout=math.ceil(self._seconds)
                    )
                    message.pop_receipt = renewed.pop_receipt
            except (HttpResponseError, AzureError, OSError) as error:
                log("lease_not_renewed", "warning", message=message.id, **failure(error))
            await asyncio.sleep(self._seconds / 2)

    async def end(self) -> None:
        """No renewal after this; one that is under way is waited for, since it changes the pop receipt."""
        self._timer.cancel()
        if self._task:
            async with self._lock:
                self._task.cancel()


def _may_poison(name: str) -> bool:
    return not name.endswith(POISON) and len(name + POISON) <= LONGEST_NAME


def backoff(empty: int, longest: float) -> float:
    """Seconds to wait after `empty` empty receives before: 0.1, then 0.2, doubling with 20 % jitter, up to `longest`."""
    if empty == 0:
        return min(FIRST_WAIT, longest)
    return min(longest, FIRST_WAIT + FIRST_WAIT * random.uniform(0.8, 1.2) * 2 ** min(empty - 1, 30))


def _queue_message(message: QueueMessage, body: bytes) -> func.QueueMessage:
    """https://learn.microsoft.com/python/api/azure-functions/azure.functions.queuemessage"""
    from azure.functions.queue import QueueMessage as Received

    return Received(
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count,
        expiration_time=message.expires_on,
        insertion_time=message.inserted_on,
        time_next_visible=message.next_visible_on,
        pop_receipt=message.pop_receipt,
    )
