"""A provider that accepts everything: what the engine costs with any Python provider."""

import sys

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.server import main


class Anything(protocol.Provider):
    """Checks nothing, keeps the inputs as the state."""

    async def configure(self, request):
        return protocol.ConfigureResponse(
            accept_secrets=True, supports_preview=True, accept_resources=True, accept_outputs=True
        )

    async def check_config(self, request):
        return protocol.CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request):
        return protocol.DiffResponse(changes=False)

    async def check(self, request):
        return protocol.CheckResponse(inputs=request.new_inputs)

    async def diff(self, request):
        return protocol.DiffResponse(changes=False)

    async def create(self, request):
        return protocol.CreateResponse(resource_id=request.name, properties=request.properties)


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Anything())
