"""What is told at once: what happened to accounts, to those whom rules of AdToken or actions of macros name, in one mail a reader."""
