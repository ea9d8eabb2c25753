"""What a worker does for staff to accounts that they chose on the list: the deeds of `accounts.deeds` that keep a row for each."""
