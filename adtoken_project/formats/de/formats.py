"""The form of `ui.dates.moment` in German: "Mi 25. Nov 2026, 16:12 CET". What is not here is Django's own."""

DATE_FORMAT = "D j. M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "D j. M Y, H:i T"
