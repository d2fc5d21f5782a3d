"""One worker process: loads the package, runs its triggers, stops gracefully."""

import asyncio
import math
import os
import signal
import socket
from argparse import Namespace
from collections.abc import Coroutine

from azure.core.exceptions import AzureError

from . import hostjson, leader, logs, package, timers
from .blobs import BlobWatcher
from .connections import HOST_STORAGE, Connections
from .controller import REFUSED
from .invoke import Invoker
from .queues import QueueListener

TIMED_OUT, FAULT = 75, 70
"""Exit codes: a function hung in a thread; a trigger broke."""
SUMMARY_EVERY, REPORT_EVERY = 30.0, 1.0


def main(options: Namespace) -> int:
    """Run until told to stop; returns the exit code."""
    logs.worker = f"{os.environ.get('WEBSITE_INSTANCE_ID', '')[:8]}#{options.worker}"
    logs.capture_logging()
    return asyncio.run(_Worker(options).run())


class _Worker:
    def __init__(self, options: Namespace) -> None:
        self._options = options
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        self._connections = Connections()
        try:
            self._host = hostjson.read(self._options.package)
            self._invoker = Invoker(self._host, self._stopping)
            package.enter(self._options.package)
            functions = package.load()
            triggers = self._triggers(functions)
        except hostjson.Refused as refusal:
            logs.log("refused", "error", reason=refusal)
            await self._connections.close()
            return REFUSED
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        tasks = [asyncio.create_task(trigger) for trigger in triggers]
        for task in tasks:
            task.add_done_callback(lambda _: self._stopping.set())  # one that ends by itself is a fault: start afresh
        logs.log("started", pid=os.getpid(), functions=", ".join(sorted(f.name for f in functions)))
        watching = asyncio.create_task(self._watch())
        await self._stopping.wait()
        watching.cancel()
        return await self._stop(tasks)

    def _triggers(self, functions: list[package.Function]) -> list[Coroutine]:
        """What runs until stopping: a listener per queue, HTTP on worker 0, the leader's timers and scans."""
        by_type = {kind: [f for f in functions if f.trigger["type"] == kind] for kind in package.TRIGGERS}
        shared = (self._host, self._connections, self._invoker)
        self._listeners = [QueueListener(f, *shared, self._options.lease) for f in by_type["queueTrigger"]]
        watchers = [BlobWatcher(f, *shared) for f in by_type["blobTrigger"]]
        clocks = by_type["timerTrigger"]
        for function in clocks:
            timers.check(function)
        running = [listener.run() for listener in self._listeners]
        if self._options.listen >= 0:
            running.append(self._serve(by_type["httpTrigger"]))
        if watchers or clocks:
            container = self._connections.blobs(HOST_STORAGE).get_container_client(leader.CONTAINER)

            async def work() -> None:
                kept = [timers.keep(f, self._host, container, self._invoker) for f in clocks]
                await asyncio.gather(*kept, *(watcher.run() for watcher in watchers))

            running.append(leader.lead(container, self._host, self._stopping, work))
        return running

    def _serve(self, functions: list[package.Function]) -> Coroutine:
        from . import web  # only worker 0 pays for its memory

        server = web.Server(web.application(functions, self._host, self._invoker))

        async def until_stopping() -> None:
            serving = asyncio.create_task(server.listen(self._options.listen))
            await self._stopping.wait()
            server.should_exit = True
            await serving

        return until_stopping()

    async def _watch(self) -> None:
        """Report the number of workers wanted, summarise the calls, and notice the controller's end."""
        loop, channel = asyncio.get_running_loop(), socket.socket(fileno=self._options.channel)
        channel.setblocking(False)
        ended = asyncio.create_task(loop.sock_recv(channel, 1))
        ended.add_done_callback(lambda _: self._stopping.set())
        summarised = loop.time()
        while True:
            await asyncio.sleep(REPORT_EVERY)
            if self._options.listen >= 0:
                await loop.sock_sendall(channel, b"%d\n" % await self._wanted())
            if loop.time() - summarised > SUMMARY_EVERY:
                self._invoker.summarise()
                summarised = loop.time()

    async def _wanted(self) -> int:
        """Queue length / batchSize, summed over the functions.

        https://learn.microsoft.com/azure/azure-functions/functions-target-based-scaling
        """
        try:
            lengths = [await listener.length() for listener in self._listeners]
        except (AzureError, OSError):
            return 1
        return max(1, sum(math.ceil(length / self._host.batch_size) for length in lengths))

    async def _stop(self, tasks: list[asyncio.Task]) -> int:
        """Let running functions finish for `stop_within` seconds; what did not start is visible again by then."""
        done, late = await asyncio.wait(tasks, timeout=self._options.stop_within)
        code = TIMED_OUT if self._invoker.stuck else 0
        for error in (task.exception() for task in done):
            if error:
                logs.log("trigger_failed", "error", **logs.failure(error))
                code = FAULT
        self._invoker.summarise()
        logs.log("stopped", "warning" if late else "info", unfinished=len(late))
        if late or code:
            os._exit(code)  # a thread that hangs would hold the process
        await self._connections.close()
        return code
