"""Rate limits of the Ads API: few lists of ad accounts, many calls with an account id. Counted per user token."""

from dataclasses import dataclass, field

ACCOUNTS_LIMIT = 5
OTHER_LIMIT = 2000
WINDOW = 15 * 60


@dataclass
class RateLimits:
    """The calls that count."""

    # By token and kind: when the window began, and how many calls it holds.
    calls: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def take(self, token: str, kind: str, now: int) -> tuple[bool, dict[str, str]]:
        """Count a call of `kind` (accounts or other): whether it may pass, and the headers to send with it."""
        limit = ACCOUNTS_LIMIT if kind == "accounts" else OTHER_LIMIT
        start, calls = self.calls.get((token, kind), (now, 0))
        if now >= start + WINDOW:
            start, calls = now, 0
        calls += 1
        self.calls[token, kind] = start, calls
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(0, limit - calls)),
            "x-rate-limit-reset": str(start + WINDOW),
        }
        return calls <= limit, headers
