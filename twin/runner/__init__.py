"""Processes: started until ready, watched, restarted, ended with everything they started."""

from twin.runner.ports import PortBook
from twin.runner.runner import HELD, Runner, end_leftovers
from twin.runner.spec import Http, Process, ProcessSpec, Ready, Tcp

__all__ = ["HELD", "Http", "PortBook", "Process", "ProcessSpec", "Ready", "Runner", "Tcp", "end_leftovers"]
