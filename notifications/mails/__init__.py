"""The mails of this app and of people and log-ins, which are below it."""
