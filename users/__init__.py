"""People: users who log in by e-mail, teams, invitations. Imports no other app of ours."""
