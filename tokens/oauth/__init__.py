"""The handshake with a channel: consent page, way back, and allauth's providers."""
