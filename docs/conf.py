"""The pages of this folder as a site with a search: `make docs`. All that it shows is built here; nothing is asked of a network."""

import re

from sphinx.application import Sphinx

from adtoken_project.version import VERSION

project, version, release = "AdToken", VERSION, VERSION
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = [
    "docs/**.md",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "sandbox/README.md",
    "clients/*/README.md",
]
myst_heading_anchors = 4  # levels of headings that have an anchor, as GitHub gives it

html_theme = "furo"
html_title = f"AdToken {VERSION}"
html_extra_path = ["site"]
html_copy_source = html_show_sphinx = html_show_copyright = False

_LIST = re.compile(r"^## (.+)\n\n((?:- .+\n)+)", re.MULTILINE)
_PAGE = re.compile(r"^- \[[^]]+\]\(([^)]+)\.md\)", re.MULTILINE)


def add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Make the contents of the site from the lists of docs/README.md, so that they stand in one place, and the index of decisions."""
    if page == root_doc:
        trees = [(heading, _PAGE.findall(pages)) for heading, pages in _LIST.findall(source[0])]
        source[0] += "".join(_contents(pages, caption) for caption, pages in trees)
    elif page in ("docs/decisions/README", "docs/journeys"):
        source[0] += _contents(["0*"] if page.endswith("README") else ["journeys/*"])


def _contents(pages: list[str], caption: str = "") -> str:
    return "\n".join(
        ["\n```{toctree}", ":hidden:", ":glob:", f":caption: {caption}" * bool(caption), *pages, "```\n"]
    )


def setup(app: Sphinx) -> None:
    """Have Sphinx call what is above."""
    app.connect("source-read", add_contents)
