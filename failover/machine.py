"""What machines read: `status --json` is one document, a verb's `--json` is one event a line, `result` the last."""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

import orjson

from failover.attention import Note
from failover.execute import Event
from failover.observation import Observation, iso
from failover.planner import Plan, Refusal
from failover.steps import Step
from shipments.standing import Document


def line(event: str, **told: Any) -> str:
    return orjson.dumps({"event": event, **told}, default=_plain).decode()


def status(seen: Observation, notes: tuple[Note, ...], code: int) -> str:
    services = {name: {**_document(seen.document(name)), "path": service.path, "mode": service.mode,
                       "primary": service.primary, "behind": seen.behind(name),
                       "servedFrom": list(dict.fromkeys(seen.edge[name].regions)) if name in seen.edge else None}
                for name, service in seen.platform.services.items()}
    regions = {name: {"reachable": view.reachable, "why": view.why, "skewSeconds": view.skew, "journal": view.journal,
                      "database": view.server, "accounts": view.accounts, "instances": view.capacity,
                      "sites": view.sites} for name, view in seen.regions.items()}
    told = {"at": iso(seen.at), "platform": seen.platform.platform.name, "stack": seen.platform.platform.stack,
            "primary": seen.platform.primary, "protected": seen.writer.unprotected_since is None,
            "unprotectedSince": seen.writer.unprotected_since, "services": services, "regions": regions,
            "notes": [asdict(note) for note in notes], "lastDrill": seen.last_drill, "exit": code}
    return orjson.dumps(told, default=_plain, option=orjson.OPT_INDENT_2).decode()


def plan(found: Plan) -> str:
    return line("plan", verb=found.request.verb, title=found.title, destructive=found.destructive,
                seconds=found.seconds, warnings=found.warnings, steps=[step(one) for one in found.steps])


def refusal(found: Refusal) -> str:
    return line("refusal", **asdict(found))


def progress(event: Event) -> str:
    """`step` when one begins; `done`, `failed` or `yours` when it has ended."""
    name = "step" if event.state == "begins" else event.state
    return line(name, number=event.number, name=event.step.name, title=event.step.title, detail=event.detail,
                seconds=round(event.seconds, 3))


def step(one: Step) -> dict[str, Any]:
    told = {item.name: getattr(one, item.name) for item in fields(one) if item.name != "documents"}
    return {"name": one.name, "title": one.title, "destructive": one.destructive, "seconds": one.seconds, **told}


def _document(document: Document) -> dict[str, Any]:
    return {"epoch": document.epoch, "activeRegion": document.active_region, "states": dict(document.states),
            "leaving": document.leaving, "reason": document.reason, "since": document.since, "by": document.by,
            "lineage": document.lineage._asdict(), "queuesIn": dict(document.queues_in)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(type(value).__name__)
