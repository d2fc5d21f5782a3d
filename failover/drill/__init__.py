"""Drills: scenarios that break the running platform under load, and a checker that says what it cost.

| file | what it answers |
|---|---|
| scenarios, steps | what is done to the platform, as data |
| run, platform | doing it: faults, verbs, waiting, and back to where it was |
| load, client, payloads | what users do meanwhile, every attempt recorded |
| sampler | what the platform says of itself meanwhile |
| history | the record: one JSON line for everything that happened |
| readback, checker, measure | what became of every acknowledged command, and how long what was away |
| report, timeline | latest.json and latest.html |

Nothing here knows whether Azure or the twin is behind the URLs; faults are a command that the environment names.
"""
