"""Asks: what people are asked to do for accounts, by whom and by when; the mails and reminders, and how far each is."""
