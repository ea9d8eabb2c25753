"""What people read of a page: its text line by line, with what attributes say, and its forms. Nothing here knows the product."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-label", "aria-description")
UNSEEN = {"script", "style", "svg", "template", "noscript"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
INLINE = {
    "a", "abbr", "b", "bdi", "code", "em", "i", "kbd", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
}  # fmt: skip
ICON = "material-symbols"
_FORM = re.compile(r"<form\b.*?(?:</form>|\Z)", re.DOTALL | re.IGNORECASE)


def dense(page: str) -> str:
    """Return HTML without the white space around tags, and with single spaces elsewhere, however it is laid out."""
    return re.sub(r" ?([<>]) ?", r"\1", " ".join(page.split()))


class _Text(HTMLParser):
    """Lines of text. Inline elements stay in their line; icons' names, which nobody reads, go."""

    def __init__(self, without: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._without = without  # ids and tags of what is left out
        self._open: list[tuple[str, bool]] = []  # the elements around, and whether each is left out
        self._unseen = 0  # how many of them are

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        unseen = (
            tag in UNSEEN
            or ICON in about.get("class", "")
            or bool({tag, about.get("id", "")} & self._without)
        )
        if tag not in INLINE:
            self.lines.append("")
        if not self._unseen and not unseen:
            self.lines[-1] += "".join(f" [{name}: {about[name]}]" for name in SPOKEN if about.get(name))
            if tag == "input" and about.get("type") in {"submit", "button", "reset"}:
                self.lines[-1] += f" {about.get('value', '')}"
        if tag not in VOID:
            self._open.append((tag, unseen))
            self._unseen += unseen

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.lines.append("")
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                self._unseen -= sum(unseen for _, unseen in self._open[index:])
                del self._open[index:]
                return

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.lines[-1] += data


def text(html: str, *, without: frozenset[str] = frozenset()) -> str:
    """Return what is read of a page, one line for each block. `without`: ids or tags of elements that are left out."""
    parser = _Text(without)
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in parser.lines)
    return "\n".join(line for line in lines if line)


@dataclass
class Form:
    """One form: where it goes, and what a browser sends when nobody fills anything in."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)  # of selects, radio buttons and check boxes

    def add(self, name: str, value: str) -> None:
        """Send this, too."""
        self.fields.setdefault(name, []).append(value)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Form] = []
        self._form: Form | None = None
        self._select = self._area = ""
        self._chosen: list[str] = []
        self._pressed = self._many = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value if value is not None else name for name, value in attrs}
        name, value = about.get("name", ""), about.get("value", "")
        if tag == "form":
            self._form = Form(about.get("action", ""), about.get("method", "get").lower())
            self._pressed = False
            self.found.append(self._form)
        elif self._form is None or "disabled" in about:
            return
        elif tag == "option" and self._select:
            self._form.choices.setdefault(self._select, []).append(value)
            if self._many:
                self._chosen += [value] if "selected" in about else []
            elif "selected" in about or not self._chosen:
                self._chosen = [value]
        elif tag == "select" and name:
            self._select, self._chosen, self._many = name, [], "multiple" in about
        elif tag == "textarea" and name:
            self._area = name
            self._form.add(name, "")
        elif tag in {"input", "button"} and name:
            self._input(self._form, name, value, about)

    def _input(self, form: Form, name: str, value: str, about: dict[str, str]) -> None:
        kind = about.get("type", "text" if "type" in about else "submit" if value else "text")
        if kind in {"checkbox", "radio"}:
            form.choices.setdefault(name, []).append(value or "on")
            if "checked" in about:
                form.add(name, value or "on")
        elif kind == "submit":
            if not self._pressed:  # the first button, as Enter presses it
                self._pressed = True
                form.add(name, value)
        elif kind not in {"button", "reset", "file", "image"}:
            form.add(name, value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._form and self._select:
            for value in self._chosen:
                self._form.add(self._select, value)
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area and self._form:
            self._form.fields[self._area][-1] += data.removeprefix("\n")


def forms(html: str) -> list[Form]:
    """Return the forms of a page that POST, those of every page (log out, theme, language) left out."""
    parser = _Forms()
    parser.feed("".join(_FORM.findall(html)))  # what stands between them is most of a page
    parser.close()
    everywhere = re.compile(r"logout|theme|set_language|i18n")
    return [one for one in parser.found if one.method == "post" and not everywhere.search(one.action)]
