"""What a worker does for staff to accounts that they chose on the list: the jobs of `accounts.jobs`; one account is a list of one."""
