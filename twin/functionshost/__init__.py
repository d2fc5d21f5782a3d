"""A small Azure Functions host: runs a package's `function_app.py` with host.json's semantics.

`python -m twin.functionshost --package <dir> --port <http port> --max-workers N`.  A controller process
(standard library only) keeps one to N workers alive; each worker is one Functions *instance*: host and language
worker in one process.  Worker 0 also serves HTTP.  What differs from Azure, because of that or for lack of a service:

- An `async def` function that blocks its event loop also delays the lease renewals of its worker's other messages.
- Blob triggers are always found by scanning, also with `source="EventGrid"` (there is no Event Grid here).
- One blob lease makes one worker the leader that runs all timers and scans; Azure takes one lease per function.
- Scale-out adds one worker a second, Azure up to four instances at a time.
"""
