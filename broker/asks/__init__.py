"""Asking people by API: to re-authenticate, to be a second person, to give access by a client link."""
