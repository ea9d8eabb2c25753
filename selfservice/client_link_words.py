"""What the pages of client links say where no page stands around it."""

from functools import partial

from ui.phrases import phrase

say = partial(phrase, "words/client_links.txt")
