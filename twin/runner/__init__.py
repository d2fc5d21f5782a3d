"""Processes: started until ready, watched, restarted, ended with everything they started."""

from twin.runner.runner import Runner
from twin.runner.spec import Http, Process, ProcessSpec, Ready, Tcp

__all__ = ["Http", "Process", "ProcessSpec", "Ready", "Runner", "Tcp"]
