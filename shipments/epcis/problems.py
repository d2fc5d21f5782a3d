"""Why a document is refused: where in it, the plain reason, and the value or limit."""

from collections.abc import Iterable
from dataclasses import dataclass

MOST = 50
"""Problems told at once; a document of thousands of bad events must not make an answer of megabytes."""


@dataclass(frozen=True)
class Problem:
    """`pointer` is an RFC 6901 JSON pointer into the document ("" is the whole of it)."""

    pointer: str
    reason: str

    def as_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "reason": self.reason}


class Refused(ValueError):
    """A document, or a value in it, that cannot be accepted; `problems` is never empty."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)[:MOST]
        super().__init__("; ".join(f"{problem.pointer or '(document)'}: {problem.reason}" for problem in self.problems))


def pointer(*path: str | int) -> str:
    """("epcisBody", "eventList", 0) -> "/epcisBody/eventList/0" (https://www.rfc-editor.org/rfc/rfc6901#section-3)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def shown(value: object, longest: int = 60) -> str:
    """A value as an error message may repeat it: short, on one line."""
    text = ascii(value)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
