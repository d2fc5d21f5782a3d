"""An offline `azure-native` provider: checks, names, diffs and previews as the real one, realises through the twin."""
