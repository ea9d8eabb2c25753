"""Template tags for plain-text mails: {% load mailtext %}. Lines have at most 72 columns; addresses are never broken."""

import re
import textwrap

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context

register = template.Library()

COLUMNS = 72
_WORD_COLUMN = 15  # "  Works until  " of the longest word that mails use


def fold(text: str, *, first: str = "", rest: str = "") -> str:
    """Return one paragraph in lines of at most 72 columns; words longer than a line, as addresses, stay whole."""
    return textwrap.fill(
        " ".join(text.split()),
        width=COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


@register.simple_tag
def textrow(word: str, text: str, aside: str = "") -> str:
    """Return "  Works until  Fri 27 Nov 2026, 09:00 CET (2 days left)", folded under its own column. `aside` is put in brackets."""
    text = f"{text} ({aside})" if aside else text
    first = f"  {word}".ljust(_WORD_COLUMN)
    return fold(str(text), first=first if first.endswith(" ") else f"{first}  ", rest=" " * _WORD_COLUMN)


@register.filter
def textstep(number: int, step: str) -> str:
    """Return "  1. Press Allow.", folded: {{ forloop.counter|textstep:step }}."""
    return fold(step, first=f"  {number}. ", rest="     ")


class PlainNode(template.Node):
    """Folds what stands between {% plain %} and {% endplain %}, line by line."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> str:
        """Return the text with folded lines, no spaces at line ends, at most two empty lines in a row."""
        lines = [_folded(line) for line in self.nodelist.render(context).strip().split("\n")]
        return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)) + "\n"


def _folded(line: str) -> str:
    if len(line) <= COLUMNS or "://" in line:
        return line if line == "-- " else line.rstrip()
    indent = line[: len(line) - len(line.lstrip())]
    return fold(line, first=indent, rest=indent)


@register.tag
def plain(parser: Parser, _token: Token) -> PlainNode:
    """Fold the lines of a whole text: {% plain %}…{% endplain %}."""
    nodelist = parser.parse(("endplain",))
    parser.delete_first_token()
    return PlainNode(nodelist)
