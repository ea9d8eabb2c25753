"""The staff portal of ad accounts: Social Accounts, Authenticate Tokens, deeds with confirm pages."""
