"""How the portal says what the domain knows: statuses, steps, places and regions in plain words."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from portal.standing import Standing
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
          "author": "Your name", "text": "Comment", "photo": "Photo"}
ACTIONS = {"ADD": "Added", "DELETE": "Removed"}
BANNERS = {
    "standby": "Served from the standby region ({here}); updates may appear late.",
    "elsewhere": "The service is running in the other region ({there}). Here you can look things up, but nothing can "
                 "be registered or written; refresh the page in a moment to be led there.",
    "failover": "Running in the standby region ({here}).",
    "fenced": "Read-only at the moment: you can look things up, but nothing can be registered or written.",
}
LIMITED = {
    "one-region": "Everything works; until the other region is back, what you send is stored in this one only.",
    "two-regions": "Everything works; some pages may be slower than usual.",
}


def region(name: str) -> str:
    return REGIONS.get(name, name)


def banner(standing: Standing) -> str:
    """What every page says above its content while the service does not run as usual; "" when it does."""
    kind = "elsewhere" if standing.state == "standby" and not standing.writable else standing.state
    said = BANNERS.get(kind, "").format(here=region(standing.region), there=region(standing.active_region))
    limited = LIMITED[standing.durability] if kind == "failover" else ""
    return " ".join(part for part in (said, limited, said and sentence(standing.reason)) if part)


def not_saved(why: str, retry_after: int, photo: bool) -> str:
    """What a form says that could not be saved now."""
    again = " The photo has to be chosen again." if photo else ""
    return f"This could not be saved now. {sentence(why)} What you typed is kept below; " \
           f"please send it again in {retry_after} seconds.{again}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text and text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


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
