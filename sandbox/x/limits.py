"""Rate limits of the Ads API: few lists of ad accounts, many calls with an account id. Counted per user token."""

from dataclasses import dataclass, field

ACCOUNTS_LIMIT = 5
OTHER_LIMIT = 2000
WINDOW = 15 * 60


@dataclass
class RateLimits:
    """The limits, which the control API sets, and the calls."""

    accounts_limit: int = ACCOUNTS_LIMIT
    window: int = WINDOW
    calls: dict[tuple[str, str], tuple[int, int]] = field(
        default_factory=dict
    )  # of a window: when it began, how many

    def reset(self) -> None:
        """Forget all calls, and the limits that were set by hand."""
        self.calls.clear()
        self.accounts_limit, self.window = ACCOUNTS_LIMIT, WINDOW

    def take(self, token: str, kind: str, now: int) -> tuple[bool, dict[str, str]]:
        """Count a call of `kind` (accounts or other): whether it may pass, and the headers to send with it."""
        limit = self.accounts_limit if kind == "accounts" else OTHER_LIMIT
        start, calls = self.calls.get((token, kind), (now, 0))
        if now >= start + self.window:
            start, calls = now, 0
        calls += 1
        self.calls[token, kind] = start, calls
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(0, limit - calls)),
            "x-rate-limit-reset": str(start + self.window),
        }
        return calls <= limit, headers
