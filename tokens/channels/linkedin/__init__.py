"""LinkedIn (Marketing API). Facts: LinkedIn's documents on learn.microsoft.com, versions 202507 to 202607, read 2026-11."""
