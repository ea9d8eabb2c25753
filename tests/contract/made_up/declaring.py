"""What the made-up channels declare."""

from tokens.channels.kinds import Declaration, Version, Versions


def declared(key: str, label: str) -> Declaration:
    """Return what such a channel declares."""
    api = f"{key.upper()}_API_URL"
    return Declaration(
        key=key,
        label=label,
        addresses={api: f"https://{key}.example"},
        consent=api,
        consent_path="{version}/authorize",
        api=api,
        versions=Versions(
            f"{key.upper()}_VERSION", "v1", (Version("v1"),), f"https://{key}.example/docs", "2026-11-26"
        ),
        colours=("#2f62c9", "#7ba4ff"),
    )
