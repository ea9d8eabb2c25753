"""Facebook (Meta Marketing API). Facts: docs of Graph API v25/v26, read 2026-08 to 2026-11."""
