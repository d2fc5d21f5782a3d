"""`pulumi-resource-azure-native`: the engine's provider protocol over gRPC, around `service.Provider`.

Protocol: https://github.com/pulumi/pulumi/blob/v3.250.0/proto/pulumi/provider.proto. The generated server code is used
directly: `pulumi.provider.experimental` imports the whole SDK (most of a second) and copies every value twice.
"""

import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from twin.provider.control import AzureError
from twin.provider.service import Provider
from twin.provider.table import NotCovered, table
from twin.provider.values import plain, protocol, struct

pb, pb_grpc = protocol()
AT_ONCE = 64
MESSAGE_BYTES = 400 << 20
KINDS = {"add": "ADD", "delete": "DELETE", "update": "UPDATE"}


def answered(method: Callable[..., Any]) -> Callable[..., Any]:
    """Errors that are for the user become the resource's error, without a stack trace."""

    @functools.wraps(method)
    def call(self: "Servicer", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request)
        except (AzureError, NotCovered, ValueError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return call


class Servicer(pb_grpc.ResourceProviderServicer):
    """Translates each call; secrets are left to the engine (accept_secrets false: it opens and marks them again)."""

    def __init__(self) -> None:
        self.provider = Provider()

    @answered
    def Handshake(self, request: Any) -> Any:
        return pb.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    @answered
    def GetPluginInfo(self, request: Any) -> Any:
        """At least the SDK's version, or the engine looks for a newer plugin."""
        return sys.modules["pulumi_protocol.plugin_pb2"].PluginInfo(version=table()["sdk"])

    @answered
    def CheckConfig(self, request: Any) -> Any:
        return pb.CheckResponse(inputs=request.news)

    @answered
    def DiffConfig(self, request: Any) -> Any:
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)

    @answered
    def Configure(self, request: Any) -> Any:
        self.provider.configure(request.variables)
        if mark := os.environ.get("TWIN_PROVIDER_MARK"):
            Path(mark).write_text(str(os.getpid()))
        return pb.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    @answered
    def Check(self, request: Any) -> Any:
        naming = None
        if request.HasField("autonaming"):
            modes = pb.CheckRequest.AutonamingOptions.Mode
            naming = modes.Name(request.autonaming.mode), request.autonaming.proposed_name
        olds, news = plain(request.olds), plain(request.news)
        inputs, refusals = self.provider.check(request.urn, olds, news, request.randomSeed, naming)
        failures = [pb.CheckFailure(reason=str(refusal)) for refusal in refusals]
        return pb.CheckResponse(inputs=struct(inputs), failures=failures)

    @answered
    def Diff(self, request: Any) -> Any:
        olds, news, state = plain(request.old_inputs), plain(request.news), plain(request.olds)
        changes, deletes_first = self.provider.diff(request.urn, olds, news, state)
        detailed = {path: pb.PropertyDiff(kind=_kind(what), inputDiff=True) for path, what in changes.items()}
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME if changes else pb.DiffResponse.DIFF_NONE,
            replaces=[path for path, what in changes.items() if what.endswith("_replace")],
            diffs=sorted({path.split(".")[0].split("[")[0] for path in changes}),
            deleteBeforeReplace=deletes_first, detailedDiff=detailed, hasDetailedDiff=True,
        )

    @answered
    def Create(self, request: Any) -> Any:
        arm_id, outputs = self.provider.create(request.urn, plain(request.properties), request.preview)
        return pb.CreateResponse(id=arm_id, properties=struct(outputs))

    @answered
    def Update(self, request: Any) -> Any:
        state, inputs = plain(request.olds), plain(request.news)
        outputs = self.provider.update(request.urn, request.id, state, inputs, request.preview)
        return pb.UpdateResponse(properties=struct(outputs))

    @answered
    def Read(self, request: Any) -> Any:
        olds, state = plain(request.inputs), plain(request.properties)
        arm_id, outputs, inputs = self.provider.read(request.urn, request.id, olds, state)
        return pb.ReadResponse(id=arm_id, properties=struct(outputs), inputs=struct(inputs))

    @answered
    def Delete(self, request: Any) -> Any:
        self.provider.delete(request.id)
        return Empty()

    @answered
    def Invoke(self, request: Any) -> Any:
        return pb.InvokeResponse(**{"return": struct(self.provider.invoke(request.tok, plain(request.args)))})

    @answered
    def Cancel(self, request: Any) -> Any:
        return Empty()


def _kind(what: str) -> Any:
    name, _, replace = what.partition("_")
    return getattr(pb.PropertyDiff, KINDS[name] + ("_REPLACE" if replace else ""))


def end_with(parent: int) -> None:
    """Ends this process when the engine that started it is gone: a killed engine cannot ask for it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main() -> None:
    limits = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(AT_ONCE), options=limits)
    pb_grpc.add_ResourceProviderServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    print(port, flush=True)
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(None)


if __name__ == "__main__":
    main()
