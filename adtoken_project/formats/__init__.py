"""How Django and the theme write dates where they do it themselves, as in their lists. FORMAT_MODULE_PATH leads here."""
