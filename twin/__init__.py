"""Azure on this machine: the real engine and the real program against local processes."""
