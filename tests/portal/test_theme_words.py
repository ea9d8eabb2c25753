"""The theme's words in our catalogues are the theme's."""

import re
from pathlib import Path

import unfold

from portal.theme_words import THEME_WORDS


def test_what_we_say_for_the_theme_is_what_it_says() -> None:
    sources = (path for ending in ("*.html", "*.py") for path in Path(unfold.__file__).parent.rglob(ending))
    said = re.sub(r"\s+", " ", "\n".join(path.read_text(encoding="utf-8") for path in sources))

    assert [words for words in THEME_WORDS if f'"{words}"' not in said and f"'{words}'" not in said] == []
