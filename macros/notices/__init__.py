"""What macros find of accounts: facts that are read in bulk, rules that are pure, readers, and what follows from them."""
