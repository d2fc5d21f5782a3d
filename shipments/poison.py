"""What can never succeed is kept for operators: whole, with its reason, in `<queue>-poison`."""

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from shipments import ids
from shipments.journal import Sender, Writer
from shipments.queues import LARGEST
from shipments.settings import POISON

log = logging.getLogger(__name__)


async def poison(queues: Sender, blobs: Writer, queue: str, message: bytes, reason: str) -> None:
    """In the poison message, or in a blob if it does not fit there.  Raises Unavailable."""
    log.error("message of %s refused: %s", queue, reason)
    told: dict[str, Any] = {"reason": reason[:2000], "queue": queue, "failedAt": datetime.now(UTC),
                            "message": message.decode(errors="replace")}
    if told["message"].encode() != message or len(orjson.dumps(told)) > LARGEST:
        told["messageRef"] = f"poison/{ids.new_id()}"
        await blobs.put(told["messageRef"], message)
        del told["message"]
    await queues.put(queue + POISON, orjson.dumps(told))
