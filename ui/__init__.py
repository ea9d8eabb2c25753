"""The presentation kit: pills, dates, confirm pages. It is below all apps."""
