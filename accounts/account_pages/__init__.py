"""The list of ad accounts in the portal, and the pages of one."""
