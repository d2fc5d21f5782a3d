"""What operators do: see, switch over, fail over, protect again, go back.  Declares no resources; works on Azure and,
by other endpoints, on the twin."""
