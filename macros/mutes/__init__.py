"""Who is told nothing by macros, of which account, until when: one table, one writer (`services`), one queryset (`models`)."""
