"""TikTok for Business (API v1.3). Facts: the vendor's SDK of 2026-02, and clients that restate its pages, read 2026-11."""
