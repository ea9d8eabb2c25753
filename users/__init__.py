"""People: users who log in by e-mail, teams, invitations. Imports none of our other apps."""
