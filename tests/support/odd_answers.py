"""Answers of what stands before a channel, and what our questions look like there."""

FIREWALL = (
    "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nYou don't have permission to access"
    ' "http&#58;&#47;&#47;api&#46;example&#46;com&#47;" on this server.<P>\nReference&#32;&#35;18&#46;2d7c1702&#46;1732586400&#46;1a2b3c4\n'
    "</BODY>\n</HTML>"
)
"""What firewalls before an API answer to an address that they dislike; nobody's role has changed."""
STORAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>7X</RequestId></Error>"
)
TOKENS = r"access_?[tT]oken$|oauth/token$|request_token$|oauth2/"
"""Where tokens are handed out, as a pattern of paths."""
QUESTION = {
    "facebook": "debug_token", "snapchat": "/me$", "x": "verify_credentials|users/me$", "linkedin": "introspectToken",
    "pinterest": "user_account$", "tiktok": "user/info",
}  # fmt: skip
"""Where each channel is asked whether a log-in lives."""
