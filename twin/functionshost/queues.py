"""The queue trigger: batches, leases, retries and the poison queue of the Azure Functions queue extension.

- Polling, concurrency, poison messages, metadata:
  https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
- What those pages leave open follows QueueListener, QueueProcessor and QueueServiceClientProvider:
  https://github.com/Azure/azure-sdk-for-net/tree/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src
"""

import asyncio
import base64
import contextlib
import math
import random
from collections.abc import Awaitable

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.queue import QueueMessage as FunctionMessage
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from .connections import Connections
from .hostjson import Host
from .invoke import Failed, Invoker, NotStarted, pause
from .logs import failure, log
from .package import Function

FIRST_WAIT = 0.1
POISON, LONGEST_NAME = "-poison", 63


class QueueListener:
    """Feeds one function from one queue until its invoker stops.

    `lease`: seconds for which a received message is invisible to others, renewed at half time (there: 10 minutes).
    """

    def __init__(
        self, function: Function, host: Host, connections: Connections, invoker: Invoker, lease: float
    ) -> None:
        connection, self._name = function.trigger.get("connection"), function.trigger["queueName"]
        self._function, self._host, self._invoker, self._lease = function, host, invoker, math.ceil(lease)
        self._queue = connections.queue(connection, self._name)
        may_poison = not self._name.endswith(POISON) and len(self._name + POISON) <= LONGEST_NAME
        self._poison_queue = connections.queue(connection, self._name + POISON) if may_poison else None
        self._running: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._full = self._away = False

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
                await pause(self._invoker.stopping, backoff(empty, self._host.max_polling))
                empty += 1
        if self._running:
            await asyncio.wait(self._running)

    async def length(self) -> int:
        """Messages waiting, for scaling; asked only while batches come back full: an idle queue costs nothing."""
        return (await self._queue.get_queue_properties()).approximate_message_count or 0 if self._full else 0

    async def _receive(self) -> list[QueueMessage]:
        """One batch; a missing queue or an account that is away is an empty one, told once."""
        size = self._host.batch_size
        pages = self._queue.receive_messages(messages_per_page=size, visibility_timeout=self._lease).by_page()
        try:
            page = await anext(pages, None)
            messages = [message async for message in page] if page else []
        except (AzureError, OSError) as error:
            if not self._away:
                log("queue_unavailable", "warning", queue=self._name, **failure(error))
            self._away = True
            return []
        self._away = False
        return messages

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
        finally:
            await lease.end()
        try:
            await settle
        except ResourceNotFoundError:  # the lease ran out, or somebody cleared the queue
            log("message_gone", "warning", queue=self._name, message=message.id)
        except (AzureError, OSError) as error:
            log("message_not_settled", "error", queue=self._name, message=message.id, **failure(error))

    async def _outcome(self, message: QueueMessage) -> Awaitable[None]:
        """Call the function; what is to be done with the message then."""
        count, limit = message.dequeue_count or 0, self._host.max_dequeue
        if count > limit:
            return self._poison(message, "dequeued too often")
        try:
            body = base64.b64decode(message.content, validate=True) if self._host.base64 else message.content
        except ValueError:  # the extension poisons at once what it cannot decode
            return self._poison(message, "not base64")
        try:
            await self._invoker(self._function, _received(message, body))
        except NotStarted:
            return self._show_again(message, 0)
        except Failed:
            if count >= limit:
                return self._poison(message, "failed too often")
            return self._show_again(message, self._host.visibility)
        return self._delete(message)

    async def _delete(self, message: QueueMessage) -> None:
        await self._queue.delete_message(message.id, message.pop_receipt)

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
        await self._delete(message)
        log("message_poisoned", "error", function=self._function.name, queue=self._name, message=message.id,
            reason=reason, dequeued=message.dequeue_count)


class _Lease:
    """Keeps one message invisible while its function runs: a timer first, a task only when half the time is gone."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
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
                    held = {"visibility_timeout": self._seconds}
                    renewed = await self._queue.update_message(message.id, message.pop_receipt, **held)
                    message.pop_receipt = renewed.pop_receipt
            except (AzureError, OSError) as error:
                log("lease_not_renewed", "warning", message=message.id, **failure(error))
            await asyncio.sleep(self._seconds / 2)

    async def end(self) -> None:
        """No renewal after this; one that is under way is waited for, since it changes the pop receipt."""
        self._timer.cancel()
        if self._task:
            async with self._lock:
                self._task.cancel()


def backoff(empty: int, longest: float) -> float:
    """Seconds to wait after `empty` empty receives before: 0.1, 0.2, then doubled with 20 % jitter, up to `longest`."""
    growth = random.uniform(0.8, 1.2) * 2 ** min(empty - 1, 30) if empty else 0
    return min(longest, FIRST_WAIT * (1 + growth))


def _received(message: QueueMessage, body: str | bytes) -> FunctionMessage:
    """https://learn.microsoft.com/python/api/azure-functions/azure.functions.queuemessage"""
    return FunctionMessage(
        id=message.id, body=body, dequeue_count=message.dequeue_count, pop_receipt=message.pop_receipt,
        insertion_time=message.inserted_on, expiration_time=message.expires_on,
        time_next_visible=message.next_visible_on,
    )
