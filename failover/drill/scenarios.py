"""The drills, as data.  What is common to several is built by a function; what is waited for is in conditions.py."""

from failover.drill.steps import (
    Ask,
    Backlog,
    Deadlines,
    Doors,
    Fault,
    Heal,
    LargeCapture,
    Photo,
    Scenario,
    Step,
    StillTrue,
    Until,
    Verb,
    Wait,
)

BACK = 10.0
"""Seconds within which reads and acknowledgements are back, and processing after the order (goal of the primary
stack's probe settings)."""
QUIET = 2.0
"""Seconds that a planned switchover may refuse for."""

BEFORE = Wait(4, jitter=3)
AFTER = Wait(4)
FAILOVER = Verb(("failover", "--to", "{other}"))
FAILBACK: tuple[Step, ...] = (Verb(("reprotect",)), StillTrue(), Verb(("failback",)), Until("protected", 60), AFTER)
LOST = Deadlines(read=BACK, acknowledge=BACK, process=BACK)


def lost_region(*faults: Fault, before: tuple[Step, ...] = ()) -> tuple[Step, ...]:
    """The region goes without warning, the other one takes over, it comes back as what it was, and gets its role."""
    return (BEFORE, *before, *faults, Until("reads", 30), Wait(2, jitter=2), FAILOVER, Until("processing", 60),
            StillTrue(), AFTER, Heal(), *FAILBACK)


def away(service: str) -> tuple[Step, ...]:
    """One service is ordered into the other region, and back."""
    return (BEFORE, Verb(("failover", "--to", "{other}", "--service", service)), Until("processing", 60), AFTER,
            Verb(("switchover", "--service", service)), Until("processing", 60), AFTER)


BEHIND: tuple[Step, ...] = (
    BEFORE, Fault(("kill", "{other}", "--service", "database")), Wait(5), Fault(("kill", "{home}")), Heal(("{other}",)),
    Until("reads", 60), FAILOVER, Until("processing", 60), AFTER, Heal(), *FAILBACK)
"""What the primary database alone has dies with it: only the journal knows of it."""

SCENARIOS = (
    Scenario("switchover", "Planned switchover and back",
             "Both regions up: nothing is lost, no read fails, no write is refused for longer than two seconds.",
             (BEFORE, Verb(("switchover",)), Until("processing", 30), AFTER, StillTrue(),
              Verb(("switchover",)), Until("processing", 30), AFTER),
             Deadlines(away_reads=QUIET, away_writes=QUIET, process=BACK), standard=True),
    Scenario("kill-east", "The primary region is killed",
             "Every acknowledged command survives, also a 10 MB capture and a photo taken the moment before.",
             lost_region(Fault(("kill", "{home}")), before=(Photo(), LargeCapture())), LOST, standard=True),
    Scenario("freeze-east", "The primary region hangs",
             "Connections stay open and nothing answers: the edge and the peer give up in time.",
             lost_region(Fault(("freeze", "{home}"))), LOST, standard=True),
    Scenario("partition-edge", "The edge cannot reach the primary region",
             "The region lives and its peer sees it; the edge moves reads and writes, nothing needs a promotion.",
             (BEFORE, Fault(("partition", "{home}", "--from", "edge")), Until("served-by", 30, ("api", "{other}")),
              Until("processing", 30), AFTER, Heal(), Until("served-by", 60, ("api", "{home}")), AFTER),
             Deadlines(read=BACK, acknowledge=BACK)),
    Scenario("partition-peer", "The regions cannot reach each other",
             "The primary region goes on alone, acknowledging in one region; the journal catches up afterwards.",
             (BEFORE, Fault(("partition", "{home}", "--from", "peer")), Until("processing", 30), Wait(8), Heal(),
              Until("processing", 30), Until("protected", 90), AFTER),
             Deadlines(read=2.0, acknowledge=5.0)),
    Scenario("partition-all", "The primary region is cut off and still accepts",
             "What clients are acknowledged at the stale region's own door is not lost once that region is seen again.",
             (BEFORE, Doors({"{home}": 0.3}), Fault(("partition", "{home}", "--from", "all")), Until("reads", 30),
              Wait(3), FAILOVER, Until("processing", 60), Wait(5), Doors(), Heal(), *FAILBACK), LOST),
    Scenario("service-web", "Only the portal moves", "No request to any other service fails.",
             away("web"), Deadlines(away_reads=QUIET, unharmed=("api", "static"))),
    Scenario("service-api", "Only the API moves", "No request to any other service fails.",
             away("api"), Deadlines(away_reads=QUIET, away_writes=QUIET, unharmed=("web", "static")), standard=True),
    Scenario("service-worker", "Only the worker moves", "Reads and acknowledgements do not notice.",
             away("worker"), Deadlines(process=BACK, unharmed=("web", "api", "static"))),
    Scenario("service-static", "Only static content moves", "No request to any service fails.",
             (BEFORE, Verb(("failover", "--to", "{other}", "--service", "static")), Wait(6),
              Verb(("switchover", "--service", "static")), Wait(6)), Deadlines(unharmed=("web", "api"))),
    Scenario("manual-mode", "A service in manual mode waits for its order",
             "Its standby answers 503 to the edge until an operator decides, and serves at once after that.",
             (BEFORE, Fault(("kill", "{home}")), Wait(12), FAILOVER, Until("reads", 30), Until("processing", 60), AFTER,
              Heal(), *FAILBACK), Deadlines(process=BACK)),
    Scenario("interrupted-failover", "The operator's command is killed at each of its steps",
             "Run again, it goes on from where it was; nothing is done twice and nothing is lost.",
             (BEFORE, Fault(("kill", "{home}")), Until("reads", 30),
              Verb(("failover", "--to", "{other}"), interrupted=True), Until("processing", 60), StillTrue(), AFTER,
              Heal(), *FAILBACK), Deadlines(read=BACK, acknowledge=BACK)),
    Scenario("stale-primary-returns", "The old primary comes back by itself",
             "It asks its peer before it serves: it refuses writes, and what it had accepted reaches the new primary.",
             (BEFORE, Fault(("kill", "{home}")), Until("reads", 30), FAILOVER, Until("processing", 60), Heal(),
              Until("state", 60, ("api", "{home}", "standby")), Until("refused", 30, ("{home}",)),
              Until("served-by", 10, ("api", "{other}")), AFTER, *FAILBACK), LOST),
    Scenario("west-dies-after-reprotect", "The new primary dies as well, once it is protected again",
             "Protected means protected: the rebuilt region takes over in turn, and nothing is lost.",
             (BEFORE, Fault(("kill", "{home}")), Until("reads", 30), FAILOVER, Until("processing", 60), Heal(),
              Verb(("reprotect",)), Until("protected", 60), AFTER, Fault(("kill", "{other}")), Until("reads", 30),
              Verb(("failover", "--to", "{home}")), Until("processing", 60), AFTER, Heal(), Verb(("reprotect",)),
              Until("protected", 60), AFTER), LOST),
    Scenario("peak-then-failover", "A peak has queued 10,000 commands when the region dies",
             "Processing is back within ten seconds of the order, and all of the backlog is applied.",
             (BEFORE, Fault(("kill", "{home}", "--service", "worker")), Backlog(10_000), Fault(("kill", "{home}")),
              Until("reads", 30), FAILOVER, Until("processing", 120), Until("applied", 180), AFTER, Heal(), *FAILBACK),
             Deadlines(process=BACK)),
    Scenario("cold-cache", "The standby takes the whole load with an empty cache",
             "A cold cache makes answers slower, never wrong or missing.",
             (BEFORE, Fault(("kill", "{other}", "--service", "cache")), Heal(("{other}",)), Fault(("kill", "{home}")),
              Until("reads", 30), FAILOVER, Until("processing", 60), AFTER, Heal(), *FAILBACK), LOST,
             rates={"track": 60}),
    Scenario("static-outage", "The primary region's static content is down",
             "It is read on, cached or never asked for before, whole or by range; writing it is refused.",
             (BEFORE, Fault(("kill", "{static}", "--service", "static")), Wait(10),
              Ask("cached before", "/static/portal.css", (200,)),
              Ask("by range, never asked for before", "/static/help.html", (206,), headers={"Range": "bytes=16-63"}),
              Ask("whole, never asked for before", "/static/help.html", (200,)),
              Ask("by range, cached before", "/static/logo.svg", (206, 200), headers={"Range": "bytes=16-63"}),
              Ask("a write", "/static/new.txt", (403, 405), method="PUT"), AFTER, Heal(), AFTER),
             Deadlines(unharmed=("web", "api")), standard=True),
    Scenario("slow-dependency", "The primary region's database is slow",
             "Answers come late or from the cache; acknowledgements do not wait for it.",
             (BEFORE, Fault(("slow", "{home}", "--service", "database", "--ms", "300")), Wait(10), Heal(),
              Until("processing", 30), AFTER), Deadlines(away_writes=5.0)),
    Scenario("clock-ahead", "Storage lives eight days later",
             "Messages never expire: what waits in queue and journal is there afterwards.",
             (BEFORE, Fault(("kill", "{home}", "--service", "worker")), Wait(4),
              Fault(("clock", "{home}", "--days", "8")), Wait(4), Heal(), Until("processing", 60),
              Until("applied", 60), AFTER), Deadlines(away_writes=5.0)),
    Scenario("queue-busy", "The primary region's queues answer 503 ServerBusy",
             "Nothing is acknowledged that is not durable; clients that repeat get through.",
             (BEFORE, Fault(("busy", "{home}", "--service", "queues")), Wait(8), Heal(), Until("processing", 60),
              Until("applied", 60), AFTER), Deadlines(away_reads=QUIET)),
    Scenario("replica-behind", "The primary region dies while the standby's database is seconds behind",
             "What was applied and not replicated is applied again from the journal.", BEHIND,
             Deadlines(process=BACK)),
    *(Scenario(f"without-{rule}", f"The same with a rule of the journal switched off: {rule}",
               f"The checker finds the loss; needs a platform started with JOURNAL_WITHOUT={rule} in every app's "
               "settings.", BEHIND, loses=True) for rule in ("journal", "let-go-late")),
    Scenario("latency", "65 ms between the regions",
             "Acknowledging in two regions costs one round trip, and nothing fails.",
             (BEFORE, Fault(("latency", "65")), Wait(12), Heal(), AFTER),
             Deadlines(away_reads=QUIET, away_writes=QUIET, unharmed=("web", "api", "static"))),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
