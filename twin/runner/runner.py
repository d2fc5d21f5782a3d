"""The supervisor."""

from collections.abc import Iterable

from twin.home import Home
from twin.runner.spec import Process, ProcessSpec


class Runner:
    """Starts and watches the processes of one home."""

    def __init__(self, home: Home):
        self.home = home

    async def start(self, spec: ProcessSpec) -> Process:
        """Returns once ready; the same spec already running: nothing; another one of that name: replaced.

        Raises TwinError with the end of its log when it exits or is not ready in time."""

    async def stop(self, name: str) -> None:
        """Ends the process and its group: its stop signal, KILL after `stop_within`; forgets it."""

    async def replace(self, old: Iterable[str], new: Iterable[ProcessSpec]) -> None:
        """Starts all the new ones, and only when they are ready stops the old ones."""

    def get(self, name: str) -> Process | None:
        """The process of that name, in whatever state."""

    def all(self) -> list[Process]:
        """Every process, in the order of their first start."""

    def reload(self, name: str, signal: int) -> None:
        """Signals the process itself (not its group), e.g. HAProxy's master with USR2."""
