"""The proxy of the gate: a vendor's client asks us in the channel's place, and goes on while its log-in dies."""
