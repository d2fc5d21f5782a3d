"""`python -m failover.drill`: the same as `python -m failover drill`."""

from failover.drill.cli import app

if __name__ == "__main__":
    app(prog_name="failover drill")
