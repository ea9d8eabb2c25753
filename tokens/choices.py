"""Choices that models refer to by name. Migrations name them for ever, so nothing here moves."""

from tokens.channels import declarations


def channel_choices() -> list[tuple[str, str]]:
    """Return key and name of each channel that there is; a new one needs no migration."""
    return declarations.choices()
