"""Phrases: what people read where no page or mail stands around it, in text templates with one block for each phrase.

    {# words/pause.txt #}
    {% say done %}{{ account }} is paused.{% endsay %}
    {% block steps %}{% translate "Open the ad account." %}
    {% translate "Press Resume." %}{% endblock %}

    phrase("words/pause.txt", "done", account="Northwind EU")   ->  "Northwind EU is paused."
    lines("words/pause.txt", "steps")                           ->  ("Open the ad account.", "Press Resume.")

{% say done %} is a block that holds one {% blocktranslate trimmed %}: a long text goes on in the next line, and `count` and `with` follow
the name. Pages use it, too.

A template may extend another one and override what differs, {{ block.super }} included; {% block_of "steps" %} puts another phrase of the
same file there, as overridden. So a channel's package says what is its own, and the rest comes from the words for all channels.
{% stage "later" %} begins a stage of a block: `stages` gives each by its name, `lines` all of them in a row.

Phrases are plain text, nothing is escaped: whoever shows one escapes it, as templates do. Facts are texts, numbers and tuples of them.
What a process remembers is files, and phrases of facts that take few values: never the name of a person or an account.
The four names of django.template.loader_tags are importable but not documented; tests/ui/test_phrases.py notices when they change.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine, Library, Origin, Template, TemplateDoesNotExist
from django.template.base import Node, NodeList, Parser, Token
from django.template.loader_tags import BLOCK_CONTEXT_KEY, BlockContext, BlockNode, ExtendsNode
from django.template.loaders.base import Loader
from django.templatetags.i18n import do_block_translate
from django.utils.translation import get_language, override

_STAGE = "\x1e"  # begins the name of a stage; nobody writes it in a text
_STAGE_LINE = re.compile(rf"{_STAGE}.*")
REMEMBERED = 4_096  # phrases: pages and mails say the same few of them again and again
FEW = frozenset({"channel", "days", "button"})  # facts that are texts and take few values
_OTHERS = re.compile(r"\bblock_of\b|\bblock\.")  # in a block that asks for another one
_BREAKS = re.compile(r"[ \t\r\n]+")  # a space that may not break a line stays: "1\u00a0hour"
register = Library()  # the engine takes our tag from here
_FOLDERS: dict[str, Path] = {}


def phrase(name: str, block: str, /, **facts: object) -> str:
    """Return one phrase of a file on one line. Raises TemplateDoesNotExist, and KeyError where the file has no such block."""
    return _one_line(_text(name, block, facts))


def lines(name: str, block: str, /, **facts: object) -> tuple[str, ...]:
    """Return a block line by line, without empty ones: steps, reasons. Raises as `phrase` does."""
    return _lines(_text(name, block, facts))


def stages(name: str, block: str, /, **facts: object) -> Mapping[str, tuple[str, ...]]:
    """Return the lines of a block by the stage that they are in, "" for those before the first {% stage %}. Raises as `phrase` does."""
    return _stages(_text(name, block, facts))


@cache
def blocks(name: str) -> frozenset[str]:
    """Return the names of the phrases of a file, with those of the files that it extends. Raises TemplateDoesNotExist."""
    template = engine().get_template(name)
    context = Context(autoescape=False)
    with context.render_context.push_state(template), context.bind_template(template):
        return frozenset(_blocks(template, context).blocks)


def add_folder(prefix: str, folder: Path) -> None:
    """Say where files whose names begin with "prefix/" lie; the longest prefix counts. Others lie in the project's templates.

    An app calls it when it starts.
    """
    _FOLDERS[prefix] = folder
    forget()


def forget() -> None:
    """Read all files again."""
    engine.cache_clear()
    _remembered.cache_clear()
    _alone.cache_clear()
    blocks.cache_clear()


@cache
def engine() -> Engine:
    """Return the engine that reads the files; each is read once in a process."""
    return Engine(
        loaders=[("django.template.loaders.cached.Loader", ["ui.phrases.Folders"])],
        libraries={"i18n": "django.templatetags.i18n"},
        builtins=["django.templatetags.i18n", "ui.phrases"],
        autoescape=False,
    )


class Folders(Loader):
    """Finds files by the folders that were added, and in the project's templates."""

    def get_template_sources(self, template_name: str) -> Iterator[Origin]:
        """Give the one place where a file may lie."""
        prefixes = [prefix for prefix in _FOLDERS if template_name.startswith(f"{prefix}/")]
        prefix = max(prefixes, key=len, default="")
        folder = _FOLDERS[prefix] if prefix else settings.BASE_DIR / "templates"
        rest = template_name.removeprefix(f"{prefix}/") if prefix else template_name
        yield Origin(name=str(folder / rest), template_name=template_name, loader=self)

    def get_contents(self, origin: Origin) -> str:
        """Return the text. Raises TemplateDoesNotExist."""
        try:
            return Path(origin.name).read_text(encoding=self.engine.file_charset)
        except FileNotFoundError:
            raise TemplateDoesNotExist(origin) from None


@register.tag
def say(parser: Parser, token: Token) -> BlockNode:
    """Return a block of one text: {% say name count n=number %}…{% plural %}…{% endsay %}. Raises TemplateSyntaxError."""
    tag, name, *options = token.split_contents()
    token.contents = " ".join([tag, "trimmed", *options])
    return BlockNode(name, NodeList([do_block_translate(parser, token)]))


def as_django(source: str) -> str:
    """Return a template with {% blocktranslate %} for {% say %}, as what gathers the texts for the catalogue reads it."""
    return re.sub(r"{% say \w+", "{% blocktranslate trimmed", source).replace(
        "{% endsay %}", "{% endblocktranslate %}"
    )


@register.simple_tag(takes_context=True)
def block_of(context: Context, name: str) -> str:
    """Return another phrase of the same file, as it is overridden there, without the line breaks at its ends: a comma may follow."""
    text = str(_block(context.render_context[BLOCK_CONTEXT_KEY], name, context).render(context))
    return text.strip(" \t\r\n")  # not of a stage's mark, which counts as a space, too


@register.simple_tag
def stage(name: str) -> str:
    """Begin a stage of a block."""
    return f"\n{_STAGE}{name}\n"


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in _STAGE_LINE.sub("", text).splitlines() if line.strip())


def _stages(text: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in f"\n{text}".split(_STAGE):
        title, _, said = one.partition("\n")
        found[title] = (*found.get(title, ()), *_lines(said))
    return found


def _text(name: str, block: str, facts: Mapping[str, object]) -> str:
    """Return a block as it is, remembered where no fact can be the name of a person or an account."""
    if any(isinstance(fact, (str, tuple)) and key not in FEW for key, fact in facts.items()):
        return _render(name, block, facts)
    return _remembered(name, block, get_language(), tuple(facts.items()))


@lru_cache(REMEMBERED)
def _remembered(name: str, block: str, language: str | None, facts: tuple[tuple[str, object], ...]) -> str:
    with override(language):
        return _render(name, block, dict(facts))


def _render(name: str, block: str, facts: Mapping[str, object]) -> str:
    template = engine().get_template(name)
    context = Context(facts, autoescape=False)
    with context.render_context.push_state(template), context.bind_template(template):
        node = _alone(name, block)
        if node is not None:
            return str(node.render(context))
        found = _blocks(template, context)
        context.render_context[BLOCK_CONTEXT_KEY] = found
        return str(_block(found, block, context).render(context))


@cache
def _alone(name: str, block: str) -> NodeList | None:
    """Return what a block holds where it asks for no other one: then nobody need look for the blocks of the files around it."""
    template = engine().get_template(name)
    context = Context(autoescape=False)
    with context.render_context.push_state(template), context.bind_template(template):
        node: Any = _block(_blocks(template, context), block, context)
    held: NodeList = node.nodelist
    nodes = held.get_nodes_by_type(Node)
    others = any(
        isinstance(one, BlockNode) or _OTHERS.search(getattr(one.token, "contents", "")) for one in nodes
    )
    return None if others else held


def _blocks(template: Template, context: Context) -> Any:
    """Return the blocks of a file, its own first, then those of the files that it extends."""
    found: Any = BlockContext()
    current: Any = template
    while True:
        extends: Any = next((node for node in current.nodelist if isinstance(node, ExtendsNode)), None)
        own: Mapping[str, Node] = (
            extends.blocks
            if extends
            else {node.name: node for node in current.nodelist.get_nodes_by_type(BlockNode)}
        )
        found.add_blocks(own)
        if extends is None:
            return found
        current = extends.get_parent(context)


def _block(found: Any, name: str, context: Context) -> Node:
    node: Node | None = found.get_block(name)
    if node is None:
        raise KeyError(f"{getattr(context.template, 'name', '')} has no block {name!r}")
    return node
