"""The one exception of set-up: what is wrong, why, and what to do next."""


class SetupProblem(Exception):
    """Set-up cannot go on. The text names the cause and the next act; it is shown without a traceback."""
