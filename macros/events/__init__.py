"""What happened, as other systems are told it: one numbered stream, for webhooks and for `GET /api/v1/events`."""
