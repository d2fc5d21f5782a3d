"""Resource Manager's operations: which there are, and the long ones while they run.

A module in `twin/services/` registers what it does beside `SERVICE`:

    async def restart(cloud, resource, body, query):
        return Later(lambda: really_restart(cloud, resource))

    OPERATIONS = {("Microsoft.Web/sites", "POST restart"): restart}

Keys are (ARM type, what): "POST <verb>", "PATCH", "PUT", "DELETE", "GET" (instead of what is recorded) and
"GET <child collection>".  A handler gets the recorded resource (for PUT one without inputs when it is new), the body
and the query; it returns ARM's body (None: no body), `Later` for work that takes its time, or raises AzureError.
POST and PATCH hold the resource's lock until the work is done, so they must not call `cloud.put` for it; PUT and DELETE
do not, and should.  A resource whose region is down is refused unless its handler is `@during_outage`.
"""

import asyncio
import importlib
import logging
import pkgutil
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twin import services
from twin.services.base import AzureError, Handler, Later

log = logging.getLogger(__name__)
Handlers = dict[tuple[str, str], Handler]
Answer = dict[str, Any] | None


def load_operations() -> Handlers:
    """The OPERATIONS of every module in twin/services, keys in lower case."""
    modules = [importlib.import_module(f"twin.services.{module.name}")
               for module in pkgutil.iter_modules(services.__path__)]
    return {(kind.lower(), what.lower()): handler for module in modules
            for (kind, what), handler in getattr(module, "OPERATIONS", {}).items()}


@dataclass
class Operation:
    """A long-running one; `task` ends with its answer or its error."""

    id: str
    started: datetime
    task: asyncio.Task[Answer]
    ended: datetime | None = None

    @property
    def error(self) -> AzureError | None:
        """Why it failed, once it did."""
        if not self.task.done() or not (error := self.task.exception()):
            return None
        return error if isinstance(error, AzureError) else AzureError("InternalServerError", str(error), 500)

    def status(self) -> dict[str, Any]:
        """What the Azure-AsyncOperation URL answers, always with 200
        (https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations)."""
        state = "InProgress" if not self.task.done() else "Failed" if self.error else "Succeeded"
        body = {"id": self.id, "name": self.id.rpartition("/")[2], "status": state,
                "startTime": self.started.isoformat()}
        if self.ended:
            body["endTime"] = self.ended.isoformat()
        return body | (self.error.body() if self.error else {})


class Operations:
    """Those of this daemon's life; clients poll them by id."""

    def __init__(self):
        self._all: dict[str, Operation] = {}

    def start(self, id: str, later: Later, held: Callable[[Later], Awaitable[Answer]]) -> Operation:
        """Runs the work in the background; `held` runs it under the locks it needs."""
        name = str(uuid.uuid4())
        subscription, namespace = id.split("/")[2], id.rsplit("/providers/", 1)[1].split("/")[0]
        operation = self._all[name] = Operation(
            f"/subscriptions/{subscription}/providers/{namespace}/locations/global/asyncoperations/{name}",
            datetime.now(UTC), asyncio.create_task(held(later)))
        operation.task.add_done_callback(lambda task: self._done(operation, id))
        return operation

    def get(self, name: str) -> Operation:
        """AzureError when it is not (or no longer) known."""
        if operation := self._all.get(name):
            return operation
        raise AzureError("OperationNotFound", f"There is no operation {name}; read the resource instead.", 404)

    def _done(self, operation: Operation, id: str) -> None:
        operation.ended = datetime.now(UTC)
        if operation.error:
            log.warning("an operation on %s failed: %s", id, operation.error, exc_info=operation.task.exception())
