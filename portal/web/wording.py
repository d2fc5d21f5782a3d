"""How the portal says what the domain knows: statuses, steps, places and regions in plain words."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from portal.health import Standing
from shipments.models import Status, TimelineEntry


@dataclass(frozen=True)
class Said:
    """`tone` chooses the colour (quiet, moving, done, trouble); the words say the same without it."""

    label: str
    sentence: str
    tone: str


STATUSES = {
    Status.ANNOUNCED: Said("Announced", "Events mention it, but nobody has registered it here.", "quiet"),
    Status.REGISTERED: Said("Registered", "We know about it and wait for it to be handed over.", "quiet"),
    Status.COLLECTED: Said("Collected", "It was picked up from the sender.", "moving"),
    Status.IN_TRANSIT: Said("In transit", "It is on its way.", "moving"),
    Status.AT_FACILITY: Said("At a facility", "It arrived at a place on its way.", "moving"),
    Status.HELD: Said("Held", "It is being held; somebody will look into it.", "trouble"),
    Status.DELIVERED: Said("Delivered", "It was received.", "done"),
    Status.RETURNED: Said("Returned", "It went back to the sender.", "done"),
    Status.EXCEPTION: Said("Exception", "Something went wrong with it.", "trouble"),
    Status.ENDED: Said("Ended", "It no longer exists as a shipment.", "quiet"),
}
REGIONS = {"eastus": "East US", "westus": "West US"}
FIELDS = {"number": "Tracking number or SSCC", "origin": "From", "destination": "To", "description": "What is it?",
          "weightKg": "Weight in kilograms", "trackingNumber": "Tracking number", "sscc": "SSCC",
          "author": "Your name", "text": "Comment"}
ACTIONS = {"ADD": "Added", "DELETE": "Removed"}
BANNERS = {
    "standby": "Served from the standby region; updates may appear late.",
    "failover": "Running in the standby region.",
    "fenced": "Read-only at the moment.",
}


def region(name: str) -> str:
    return REGIONS.get(name, name)


def banner(standing: Standing) -> str:
    """What every page says above its content while the service does not run as usual; "" when it does."""
    said = BANNERS.get(standing.state, "")
    return f"{said} {standing.reason}".strip() if said else ""


def status(value: Status) -> Said:
    return STATUSES[value]


def words(value: str | None) -> str:
    """`staging_outbound` -> "Staging outbound"; a URI -> its last part."""
    name = unquote(re.split(r"[/:#]", (value or "").rstrip("/"))[-1])
    return name.replace("_", " ").replace("-", " ").strip().capitalize()


def place(uri: str | None) -> str:
    """`urn:epc:id:sgln:0614141.07346.1234` -> "GLN 0614141.07346 · 1234"; a web address -> host and path."""
    if not uri:
        return ""
    if found := re.fullmatch(r"urn:epc:id:sgln:(\d+\.\d*)\.(.+)", uri):
        return f"GLN {found[1]}" + ("" if found[2] == "0" else f" · {unquote(found[2])}")
    if found := re.fullmatch(r"https?://([^?#]+).*", uri):
        return unquote(found[1].rstrip("/"))
    return uri.removeprefix("geo:")


def headline(entry: TimelineEntry) -> str:
    """What one entry of the timeline is about."""
    if entry.kind == "registered":
        return "Registered"
    if entry.kind == "comment":
        return f"{entry.author} wrote"
    return words(entry.biz_step) or words(entry.disposition) or ACTIONS.get(entry.action, "Seen")


def field_name(name: str) -> str:
    """A form's field as its label calls it."""
    return FIELDS.get(name, name.capitalize())


def moment(value: datetime | None) -> str:
    """Without JavaScript, times are in UTC and say so."""
    return f"{value.day} {value:%b %Y, %H:%M} UTC" if value else ""
