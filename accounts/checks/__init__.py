"""Asking the channels about log-ins and their ad accounts: what is due, what somebody asks for, and what came of it."""
