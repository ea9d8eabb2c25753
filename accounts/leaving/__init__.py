"""What goes with a person or a log-in: what stops, who could carry on, how it ends here and at the channel, and who is told.

`plan` reads, `services` begins and does what a worker does, `views` and `forms` ask before it, `mails` tells of it.
Offboarding a person, removing or revoking log-ins and giving one account up differ in what goes, and in nothing else.
"""
