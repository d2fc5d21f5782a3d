"""The ways in which the domain says no."""

from collections.abc import Sequence

from pydantic import ValidationError

from shipments.epcis.problems import Problem


class Refusal(Exception):
    """Permanent: the same request will be refused every time.  `problems` points into the command's body."""

    def __init__(self, reason: str, problems: Sequence[Problem] = ()):
        super().__init__(reason)
        self.reason = reason
        self.problems = list(problems) or [Problem("", reason)]

    @classmethod
    def of(cls, error: ValidationError) -> "Refusal":
        """Pydantic's findings, each with its JSON pointer, without the values that were sent."""
        problems = [Problem("".join(f"/{part}" for part in found["loc"]), found["msg"]) for found in error.errors()]
        return cls("; ".join(f"{problem.pointer or '(body)'}: {problem.reason}" for problem in problems[:5]), problems)


class Unavailable(Exception):
    """Transient: what is needed does not answer now; try again after `retry_after` seconds."""

    def __init__(self, what: str, retry_after: int = 5):
        super().__init__(f"{what} does not answer; try again in {retry_after} seconds")
        self.retry_after = retry_after


class NotInBoth(Unavailable):
    """What must be kept in both regions can be kept in one only, for now."""

    def __init__(self, why: str, retry_after: int = 5):
        super().__init__(why, retry_after)
        self.args = (f"{why}; try again in {retry_after} seconds",)
