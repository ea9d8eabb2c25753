"""Other systems are told: webhooks, Slack, Teams and PagerDuty, each from the one stream of events."""
