"""Templates are found under the names that code and other templates use."""

import ast
import re
from pathlib import Path

from django.conf import settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

from ui import phrases

ROOT = Path(settings.BASE_DIR)
APPS = [app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()]
# `_{name}` and the like are put together while a page is made: the tests of those pages notice them.
NAMED = re.compile(r"""["']([a-z_0-9]+(?:/[a-z_0-9]+)+\.(?:html|txt))["']""")


def named() -> list[str]:
    code = [path for app in (*APPS, "broker") for path in (ROOT / app).rglob("*.py")]
    files = [path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"}]
    texts = [*map(texts_in, code), *(path.read_text(encoding="utf-8") for path in files)]
    return sorted({name for text in texts for name in NAMED.findall(text)})


def texts_in(path: Path) -> str:
    """Return the quoted texts of a module, without those that stand alone: they only tell how to name one."""
    source = path.read_text(encoding="utf-8")
    if not NAMED.search(source):
        return ""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return "\n".join(
        f'"{node.value}"'
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
    )


def is_there(name: str) -> bool:
    """Return whether the pages' engine finds it, or the one of phrases, which have an engine of their own."""
    for read in (phrases.engine().get_template, get_template):
        try:
            read(name)
        except (TemplateDoesNotExist, TemplateSyntaxError):
            continue
        return True
    return False


def test_every_template_that_code_or_a_template_names_is_there() -> None:
    names = named()

    assert len(names) > 100
    assert [name for name in names if not is_there(name)] == []
