"""The company's log-in: OpenID Connect, who comes by it, and what their groups give."""
