"""Phrases of text templates (see ui.phrases) within pages and mails; a page escapes them as it escapes all text."""

from django import template

from ui import phrases

register = template.Library()


@register.simple_tag
def phrase(name: str, block: str, **facts: object) -> str:
    """Return one phrase: {% phrase "words/actions.txt" "paused" account=account.name %}."""
    return phrases.phrase(name, block, **facts)


@register.simple_tag
def lines(name: str, block: str, **facts: object) -> tuple[str, ...]:
    """Return the lines of a block, to loop over: {% lines "words/actions.txt" "steps" as steps %}."""
    return phrases.lines(name, block, **facts)
