"""Rate limits of the Ads API: few lists of ad accounts, many calls with an account id. Counted per user token."""

from dataclasses import dataclass, field

ACCOUNTS_LIMIT = 5
OTHER_LIMIT = 2000
WINDOW = 15 * 60


@dataclass
class RateLimits:
    """The counters. A window starts with the first call in it."""

    accounts_limit: int = ACCOUNTS_LIMIT
    other_limit: int = OTHER_LIMIT
    window: int = WINDOW
    counts: dict[tuple[str, str], tuple[int, int]] = field(
        default_factory=dict
    )  # (token, kind) -> (start, calls)

    def reset(self) -> None:
        """Forget all calls, and the limits that were set by hand."""
        self.counts.clear()
        self.accounts_limit, self.other_limit, self.window = ACCOUNTS_LIMIT, OTHER_LIMIT, WINDOW

    def take(self, token: str, kind: str, now: int) -> tuple[bool, dict[str, str]]:
        """Count a call of `kind` (accounts or other): whether it may pass, and the headers to send with it."""
        limit = self.accounts_limit if kind == "accounts" else self.other_limit
        start, calls = self.counts.get((token, kind), (now, 0))
        if now >= start + self.window:
            start, calls = now, 0
        passes = calls < limit
        calls += passes
        self.counts[token, kind] = (start, calls)
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(limit - calls),
            "x-rate-limit-reset": str(start + self.window),
        }
        return passes, headers
