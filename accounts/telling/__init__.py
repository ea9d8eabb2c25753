"""Telling people what happened to their accounts, at once: an access lost, a restriction, and that it is over.

What happens is noted as news in the transaction of its cause (`accounts.pool.record`). A sweep resolves news to recipients a minute later,
when what one cause did to many accounts is complete, and writes one mail per person. Everything is asked of the rows as they stand: news
that a later answer contradicts is dropped without a word.
"""
