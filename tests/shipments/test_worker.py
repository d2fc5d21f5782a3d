"""The worker: what becomes of every kind of message."""

from shipments.commands import AddComment, RegisterShipment
from shipments.service import Shipments
from shipments.worker import Worker


def registration(**changes: object) -> RegisterShipment:
    fields = {"tracking_number": "TN-000001", "sender": "Ada", "recipient": "Ben", "origin": "Boston",
              "destination": "San José"}
    return RegisterShipment(**{**fields, **changes})


async def test_a_registered_shipment_can_be_tracked(worker: Worker, shipments: Shipments, clean) -> None:
    accepted = await shipments.submit(shipments.command(registration()))
    (message,) = await clean.queue("commands").take()
    await worker.command(message)
    found = await shipments.shipment("tn-000001")
    assert found is not None, "the registration was applied"
    assert found.status == "registered", "nothing else is known of it"
    result = await shipments.result(accepted.id)
    assert result and result.status == "applied", "whoever submitted it can see that it was applied"


async def test_a_message_applied_twice_counts_once(worker: Worker, shipments: Shipments, clean) -> None:
    command = shipments.command(AddComment(shipment="TN-000001", author="Ada", text="Fragile"))
    await worker.command(command.encode())
    await worker.command(command.encode())
    found = await shipments.shipment("TN-000001")
    assert found and len(found.timeline) == 1, "the same command is the same event"
    assert len(await clean.rows("select from outbox")) == 1, "its subscriber hears of it once"
