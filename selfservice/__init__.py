"""The pages of marketers: their accounts, linking, re-authenticating, and the addresses in their mails."""
