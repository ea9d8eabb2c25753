"""The living installation that `make run` shows: three clients' ad accounts on six channels, in every state, linked at the stand-ins."""

from devtools.demo_fleet.filling import fill

__all__ = ["fill"]
