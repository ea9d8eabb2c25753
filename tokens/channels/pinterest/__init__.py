"""Pinterest (API v5, ads). Facts: the vendor's OpenAPI description 5.23.0, its documents and its sample code, read 2026-11."""
