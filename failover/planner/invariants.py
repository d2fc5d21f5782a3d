"""What holds of every plan, whatever was observed; `plan` gives out none that breaks one."""

from failover.observation import Observation, sound
from failover.planner.effects import after, after_all
from failover.planner.failover import pending
from failover.planner.request import Plan
from failover.steps import AwaitValidity, Decide, Promote, Step
from shipments.standing import Document


def broken(seen: Observation, plan: Plan) -> str:
    """The first invariant that the plan breaks; "" for none."""
    end = after_all(plan.steps, seen)
    decided = [document for step in plan.steps if isinstance(step, Decide) for document in step.documents]
    touched = {document.service for document in decided}
    return next((wrong for wrong in (
        *(_one_leads(end, end.document(service)) for service in touched),
        *(_agree(end, service) for service in touched),
        _epochs_rise(seen, plan.steps), _waits_before_force(plan.steps), _never_stale(seen, plan.steps)) if wrong), "")


def _one_leads(end: Observation, document: Document) -> str:
    fine = sound(document, end.regions)
    return "" if fine else f"{document.service} would end with {dict(document.states)}, leaving {document.leaving}"


def _agree(end: Observation, service: str) -> str:
    """Every reachable region holds the same decision."""
    return f"{service} would be decided differently in {end.behind(service)}" if end.behind(service) else ""


def _epochs_rise(seen: Observation, steps: tuple[Step, ...]) -> str:
    """A document that says something new has an epoch that nobody has seen."""
    for step in steps:
        for document in step.documents if isinstance(step, Decide) else ():
            same = document == seen.document(document.service)
            if not same and document.epoch <= seen.top:
                return f"{document.service} would be decided again in epoch {document.epoch}"
        seen = after(step, seen)
    return ""


def _waits_before_force(steps: tuple[Step, ...]) -> str:
    """A forced promote comes only after the validity, and the validity only after the new epoch was written."""
    waited = False
    for step in steps:
        waited = (waited or isinstance(step, AwaitValidity)) and not isinstance(step, Decide)
        if isinstance(step, Promote) and step.forced and not waited:
            return f"{step.region} would be promoted before views of the old epoch have lapsed"
    return ""


def _never_stale(seen: Observation, steps: tuple[Step, ...]) -> str:
    """A planned promote is of the lineage in force; a forced one begins the lineage that was decided for it."""
    for step in steps:
        if isinstance(step, Promote):
            new = seen.writer.active_region == seen.writer.lineage.region == step.region
            if not (new and pending(seen, step.region) if step.forced else seen.on_lineage(step.region)):
                return f"{step.region} would be promoted on lineage {seen.lineage_of(step.region)}"
        seen = after(step, seen)
    return ""
