"""X (Ads API 12, OAuth 1.0a). Facts: docs.x.com of 2026-08, and X's former table of response codes."""
