"""The network between the regions: a link per cross-region endpoint that can be cut or slowed down."""

from twin.cloud.faults import FaultBook


class Links:
    """The concrete `twin.services.base.Network`."""

    def __init__(self, faults: FaultBook):
        self._faults = faults

    async def through(self, origin: str, location: str, port: int) -> int:
        """The port by which `origin` reaches what listens at `port` in the region `location`."""
        return port
