"""People, their roles and what each may see."""
