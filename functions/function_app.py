"""What events do: the function app, one blueprint per trigger.

The same package runs in both regions.  Queue settings are in host.json: a failed message is shown again after 30
seconds, 100,000 times, so that a region may be away for a month: what the host itself poisons would be gone after seven
days, and it was acknowledged.  The code poisons what can never succeed, for good
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings).
"""

import azure.functions as func
from triggers import commands, health, journal, migrate, outbox, subscribers

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for trigger in (commands, health, journal, migrate, outbox, subscribers):
    app.register_functions(trigger.blueprint)
