"""LinkedIn (Marketing API). Facts: LinkedIn's documents on learn.microsoft.com, versions 202507 to 202607, read 2026-11."""

from tokens.channels.linkedin.channel import CHANNEL

__all__ = ["CHANNEL"]
