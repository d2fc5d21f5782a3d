"""Calling one function: its context, its time limit, its failure, and the figures about it."""

import asyncio
import contextlib
import contextvars
import os
import time
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .hostjson import Host
from .logs import failure, invocation, log
from .package import Function


class Failed(Exception):
    """The function raised or ran out of time; it is logged already."""


class NotStarted(Exception):
    """The host is stopping, the function was not called."""


@dataclass(frozen=True)
class Context:
    """What a parameter named `context` gets.

    https://learn.microsoft.com/python/api/azure-functions/azure.functions.context
    """

    function_name: str
    function_directory: str
    invocation_id: str


class Invoker:
    """Calls functions: coroutines on the event loop, plain functions on threads, as the Python worker does.

    https://learn.microsoft.com/azure/azure-functions/python-scale-performance-reference#async
    """

    def __init__(self, host: Host, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.stuck = False
        """A plain function outlived its limit; its thread cannot be ended, so the worker is replaced, as there:
        https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout"""
        self._host = host
        threads = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT")
        self._threads = ThreadPoolExecutor(int(threads) if threads else None, thread_name_prefix="function")
        self._figures: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])

    async def __call__(self, function: Function, argument: Any) -> Any:
        """The function's result.  Raises Failed or NotStarted, whatever the function does."""
        if self.stopping.is_set():
            raise NotStarted
        arguments = {function.trigger["name"]: argument}
        invocation_id = str(uuid.uuid4())
        if function.takes_context:
            arguments["context"] = Context(function.name, str(self._host.package), invocation_id)
        token = invocation.set({"function": function.name, "invocation": invocation_id})
        started, failed = time.perf_counter(), 0
        try:
            return await self._limited(function, arguments)
        except Failed:
            failed = 1
            raise
        finally:
            figures = self._figures[function.name]
            took = time.perf_counter() - started
            self._figures[function.name] = [figures[0] + 1, figures[1] + failed, figures[2] + took]
            invocation.reset(token)

    async def _limited(self, function: Function, arguments: dict[str, Any]) -> Any:
        limit = asyncio.timeout(self._host.function_timeout)
        try:
            async with limit:
                if function.is_async:
                    return await function.call(**arguments)
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, contextvars.copy_context().run, self._on_thread, function, arguments
                )
        except NotStarted:
            raise
        except BaseException as error:  # SystemExit and the like: a function never ends its worker
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            if limit.expired():
                log("function_timed_out", "error", limit=self._host.function_timeout)
                self.stuck = not function.is_async
                if self.stuck:
                    self.stopping.set()
            else:
                log("function_failed", "error", **failure(error))
            raise Failed from error

    def _on_thread(self, function: Function, arguments: dict[str, Any]) -> Any:
        if self.stopping.is_set():
            raise NotStarted
        return function.call(**arguments)

    def summarise(self) -> None:
        """One line per function called since the last time, as the host's aggregator does every 30 s."""
        for name, (count, failed, total) in self._figures.items():
            mean = round(total / count * 1000, 2)
            log("functions_called", function=name, calls=count, failed=failed, mean_ms=mean)
        self._figures.clear()


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past the stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
