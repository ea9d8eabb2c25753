"""Snapchat (Marketing API, version path v1). Facts: developers.snap.com and integrations' source, read 2026-08 to 2026-11."""
