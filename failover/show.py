"""What operators see: the platform, a plan, its progress."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from failover.attention import Note
from failover.execute import Event
from failover.observation import Account, Observation, RegionView
from failover.planner import Plan, Refusal
from failover.planner.effects import after_all

MARKS = {"done": "[green]done[/]", "failed": "[red]failed[/]", "yours": "[yellow]yours[/]"}


def show_status(console: Console, seen: Observation, notes: tuple[Note, ...]) -> None:
    names = seen.platform.platform
    console.print(f"[bold]{names.name}[/] ({names.stack}), {seen.at:%Y-%m-%d %H:%M:%S} UTC, "
                  f"configured primary {seen.platform.primary}")
    console.print(topology(seen))
    console.print(regions(seen))
    if any(view.accounts for view in seen.regions.values()):
        console.print(accounts(seen))
    since = seen.writer.unprotected_since
    console.print(f"[red]unprotected since {escape(since)}[/]" if since else "[green]protected[/] against the loss of "
                  "either region")
    for note in notes:
        act = f"  ->  {note.act}" if note.act else ""
        console.print(f"{'[red]![/]' if note.serious else '[yellow]-[/]'} {escape(note.text)}{escape(act)}")


def topology(seen: Observation) -> Table:
    """Where each service runs, and what each region is to it."""
    table = Table("service", "runs in", "epoch", *seen.regions, "edge serves from", "since", "by")
    for name, service in seen.platform.services.items():
        document, served = seen.document(name), seen.edge.get(name)
        states = [document.state_of(region) + (" (leaving)" if document.leaving == region else "")
                  for region in seen.regions]
        edge = " and ".join(dict.fromkeys(served.regions)) or str(served.status or "no answer") if served else ""
        table.add_row(name + (" (manual)" if service.mode == "manual" else ""), document.active_region,
                      str(document.epoch), *states, edge, document.since[:19], document.by)
    return table


def regions(seen: Observation) -> Table:
    table = Table("region", "reachable", "PostgreSQL", "journal", "applies", "sites", "instances")
    for name, view in seen.regions.items():
        table.add_row(name, "yes" if view.reachable else f"[red]no[/] {escape(view.why[:40])}", _server(view),
                      _journal(view, seen.at), _applies(view), _sites(view), str(view.capacity or ""))
    return table


def accounts(seen: Observation) -> Table:
    table = Table("storage account", "holds", "of", "written in", "redundancy", "copy", "Last Sync Time")
    for view in seen.regions.values():
        for account in view.accounts:
            table.add_row(account.name, account.kind, account.home, account.region, account.sku,
                          account.geo_status or "none", _synced(account, seen.at))
    return table


def show_plan(console: Console, seen: Observation, plan: Plan) -> None:
    """The steps, what they lead to, and what to know before saying yes."""
    console.print(f"[bold]{escape(plan.title)}[/]" + ("" if plan.steps else ": nothing to do, it is so already"))
    for number, step in enumerate(plan.steps, 1):
        mark = " [red](cannot be taken back)[/]" if step.destructive else ""
        console.print(f"  {number}. {escape(step.title)}{mark}  [dim]~{span(step.seconds)}[/]")
    for warning in plan.warnings:
        console.print(f"[yellow]- {escape(warning)}[/]")
    if plan.steps:
        console.print(f"about {span(plan.seconds)} on Azure; afterwards:")
        console.print(_moves(seen, plan))


def show_refusal(console: Console, refusal: Refusal) -> None:
    console.print(f"[red]refused[/]: {escape(str(refusal))}")


def show_event(console: Console, event: Event, steps: int) -> None:
    """One line when a step begins, one when it has ended."""
    at = f"[dim]{datetime.now():%H:%M:%S}[/] {event.number}/{steps}"
    if event.state == "begins":
        console.print(f"{at} {escape(event.step.title)} …")
    else:
        console.print(f"{at} {MARKS[event.state]} after {event.seconds:.1f} s  {escape(event.detail)}")


def span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _moves(seen: Observation, plan: Plan) -> Table:
    """Before and after, for what changes."""
    end, table = after_all(plan.steps, seen), Table("service", *seen.regions)
    for name in seen.platform.services:
        before, then = seen.document(name), end.document(name)
        table.add_row(name, *(_change(before.state_of(region), then.state_of(region)) for region in seen.regions))
    told = {region: (seen.view(region).server, end.view(region).server) for region in seen.regions}
    if all(all(pair) for pair in told.values()):
        table.add_row("PostgreSQL", *(_change(*(one.role if one else "" for one in pair)) for pair in told.values()))
    return table


def _change(before: str, then: str) -> str:
    return before if before == then else f"{before} -> [bold]{then}[/]"


def _server(view: RegionView) -> str:
    server = view.server
    return " ".join(filter(None, (server.role, server.state, server.replication))) if server else "[dim]unknown[/]"


def _journal(view: RegionView, at: datetime) -> str:
    journal = view.journal
    if journal is None:
        return "[dim]no report[/]"
    old = f", oldest {span((at - journal.oldest).total_seconds())}" if journal.oldest else ""
    return f"{journal.unconfirmed}/{journal.entries} unconfirmed{old}, {journal.age:.0f} s ago"


def _applies(view: RegionView) -> str:
    journal = view.journal
    return "" if journal is None else f"{'yes' if journal.writes_here else 'no'}, lineage {journal.lineage.epoch}"


def _sites(view: RegionView) -> str:
    return ", ".join(f"{name} {state.lower()}" for name, state in view.sites.items())


def _synced(account: Account, at: datetime) -> str:
    if account.last_sync is None:
        return "unknown" if account.geo_redundant else ""
    return f"{account.last_sync:%H:%M:%S} ({span(max(at - account.last_sync, timedelta()).total_seconds())} ago)"
