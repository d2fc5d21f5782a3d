"""What exists in Azure: one file for each service, its arguments and its component side by side."""

from components.lean import load_leanly, speak_only_when_asked

load_leanly()
speak_only_when_asked()
