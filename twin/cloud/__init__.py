"""Azure's control plane on this machine: one daemon per home, see `__main__.py`."""
