"""The presentation kit: pills, dates, confirm pages. It stands below all apps."""
