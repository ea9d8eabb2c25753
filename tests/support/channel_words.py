"""Other words for a channel, as if somebody had edited its words.txt."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tokens.channels import words
from ui import phrases

CHANNELS = Path(words.__file__).parent


@contextmanager
def edited(key: str, folder: Path, **blocks: str) -> Iterator[None]:
    """Let a channel speak out of a copy of its words.txt in which these blocks say something else; "" takes one away."""
    text = (CHANNELS / key / "words.txt").read_text(encoding="utf-8")
    for name, said in blocks.items():
        block = f"{{% block {name} %}}{said}{{% endblock %}}" if said else ""
        [old] = re.findall(rf"{{% block {name} %}}.*?{{% endblock %}}", text, flags=re.DOTALL)
        text = text.replace(old, block)
    (folder / "words.txt").write_text(text, encoding="utf-8")
    phrases.add_folder(f"channels/{key}", folder)
    try:
        yield
    finally:
        phrases.add_folder(f"channels/{key}", CHANNELS / key)
