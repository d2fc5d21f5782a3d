"""One worker process: loads the package, runs its triggers, stops gracefully."""

import asyncio
import math
import os
import signal
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path

from azure.core.exceptions import AzureError

from . import blobs, hostjson, leader, logs, package, queues, timers
from .connections import HOST_STORAGE, Connections
from .invoke import Invoker

REFUSED, TIMED_OUT, FAULT = 78, 75, 70
"""Exit codes: the package cannot run (no use in trying again); a function hung in a thread; a trigger broke."""
SUMMARY_EVERY, REPORT_EVERY = 30.0, 1.0


@dataclass(frozen=True)
class Options:
    """`channel`: a socket to the controller; its end means stop, and worker 0 reports on it how many workers it wants.

    `listen`: descriptor of the HTTP socket (worker 0), else None.  `lease`, `stop_within`: seconds.
    """

    package: Path
    number: int
    channel: int
    listen: int | None
    lease: float
    stop_within: float


def main(options: Options) -> int:
    """Run until told to stop; returns the exit code."""
    logs.worker = f"{os.environ.get('WEBSITE_INSTANCE_ID', '')[:8]}#{options.number}"
    logs.capture_logging()
    try:
        package.enter(options.package)
        return asyncio.run(_Worker(options).run())
    except hostjson.Refused as refusal:
        logs.log("refused", "error", reason=refusal)
        return REFUSED


class _Worker:
    def __init__(self, options: Options) -> None:
        self._options = options

    async def run(self) -> int:
        stopping = asyncio.Event()
        host = hostjson.read(self._options.package)
        self._invoker, self._connections = Invoker(host, stopping), Connections()
        try:
            functions = package.load()
            triggers = self._triggers(functions, host)
        except BaseException:
            await self._connections.close()
            raise
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        logs.log("started", pid=os.getpid(), functions=", ".join(sorted(f.name for f in functions)))
        tasks = [asyncio.create_task(trigger) for trigger in triggers]
        for task in tasks:
            task.add_done_callback(lambda _: stopping.set())  # one that ends by itself is a fault: start afresh
        helper = asyncio.create_task(self._watch(host, stopping))
        await stopping.wait()
        return await self._stop(tasks, helper)

    def _triggers(self, functions: list[package.Function], host: hostjson.Host) -> list[Coroutine]:
        """What runs until stopping: a listener per queue, HTTP on worker 0, the leader's timers and scans."""
        by_type = {t: [f for f in functions if f.trigger["type"] == t] for t in package.TRIGGERS}
        shared = (host, self._connections, self._invoker)
        self._listeners = [queues.QueueListener(f, *shared, self._options.lease) for f in by_type["queueTrigger"]]
        watchers = [blobs.BlobWatcher(f, *shared) for f in by_type["blobTrigger"]]
        for function in by_type["timerTrigger"]:
            timers.check(function)
        running = [listener.run() for listener in self._listeners]
        if self._options.listen is not None:
            running.append(self._serve(by_type["httpTrigger"], host, self._options.listen))
        if watchers or by_type["timerTrigger"]:
            container = self._connections.blobs(HOST_STORAGE).get_container_client(leader.CONTAINER)

            async def lead() -> None:
                kept = [timers.keep(f, host, container, self._invoker) for f in by_type["timerTrigger"]]
                await asyncio.gather(*kept, *(watcher.run() for watcher in watchers))

            running.append(leader.lead(container, host.id, self._invoker.stopping, lead))
        return running

    def _serve(self, functions: list[package.Function], host: hostjson.Host, descriptor: int) -> Coroutine:
        from . import web  # only worker 0 pays for its memory

        server = web.Server(web.application(functions, host, self._invoker))

        async def until_stopping() -> None:
            serving = asyncio.create_task(server.listen(descriptor))
            await self._invoker.stopping.wait()
            server.should_exit = True
            await serving

        return until_stopping()

    async def _watch(self, host: hostjson.Host, stopping: asyncio.Event) -> None:
        """Report the number of workers wanted, summarise the calls, and notice the controller's end."""
        channel = socket.socket(fileno=self._options.channel)
        channel.setblocking(False)
        ended = asyncio.create_task(asyncio.get_running_loop().sock_recv(channel, 1))
        ended.add_done_callback(lambda _: stopping.set())
        since = 0.0
        while True:
            await asyncio.sleep(REPORT_EVERY)
            if self._options.listen is not None:
                await asyncio.get_running_loop().sock_sendall(channel, b"%d\n" % await self._wanted(host))
            since += REPORT_EVERY
            if since >= SUMMARY_EVERY:
                self._invoker.summarise()
                since = 0.0

    async def _wanted(self, host: hostjson.Host) -> int:
        """Queue length / batchSize, summed over the functions.

        https://learn.microsoft.com/azure/azure-functions/functions-target-based-scaling
        """
        try:
            lengths = [await listener.length() for listener in self._listeners]
        except (AzureError, OSError):
            return 1
        return max(1, sum(math.ceil(length / host.batch_size) for length in lengths))

    async def _stop(self, tasks: list[asyncio.Task], helper: asyncio.Task) -> int:
        """Let running functions finish for `stop_within` seconds; what did not start is visible again by then."""
        logs.log("stopping", within=self._options.stop_within)
        _, late = await asyncio.wait(tasks, timeout=self._options.stop_within)
        helper.cancel()
        self._invoker.summarise()
        code = TIMED_OUT if self._invoker.stuck else 0
        for task in tasks:
            if task in late:
                task.cancel()
            elif not task.cancelled() and (error := task.exception()):
                logs.log("trigger_failed", "error", **logs.failure(error))
                code = FAULT
        logs.log("stopped", "warning" if late else "info", unfinished=len(late))
        if late or code:
            os._exit(code)  # a thread that hangs would hold the process
        await self._connections.close()
        return code
