"""The admin portal's theme: its settings, and what it says on pages that we use, and neither it nor Django brings in other languages.

Our catalogues have these words for this file. They are of django-unfold 0.110; tests/portal/test_theme_words.py holds them to it.
"""

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_noop

from tokens import views as channel_colours

THEME_WORDS = (
    gettext_noop("Add new item"),
    gettext_noop("Add row"),
    gettext_noop("After you've created a user, you’ll be able to edit more user options."),
    gettext_noop("All applications"),
    gettext_noop("Apply Filters"),
    gettext_noop("Choose file to upload"),
    gettext_noop("Click to cancel"),
    gettext_noop("Click to download"),
    gettext_noop("Collapse"),
    gettext_noop("Current file"),
    gettext_noop("Date from"),
    gettext_noop("Date to"),
    gettext_noop("False"),
    gettext_noop("General"),
    gettext_noop("Go back"),
    gettext_noop("Group"),
    gettext_noop("Line number"),
    gettext_noop("New"),
    gettext_noop("No data"),
    gettext_noop("No results found"),
    gettext_noop("Object"),
    gettext_noop("Recent searches"),
    gettext_noop("Reset filters"),
    gettext_noop("Reset to default"),
    gettext_noop("Return to site"),
    gettext_noop("Row"),
    gettext_noop("Run"),
    gettext_noop("Search apps and models..."),
    gettext_noop("Select action"),
    gettext_noop("Select action to run"),
    gettext_noop("Select record"),
    gettext_noop("Select value"),
    gettext_noop("Submit"),
    gettext_noop("This item will be deleted."),
    gettext_noop("Toggle password visibility"),
    gettext_noop("True"),
    gettext_noop("Type to search"),
    gettext_noop("Update"),
    gettext_noop("Value"),
    gettext_noop("Welcome"),
)

UNFOLD = {
    "SITE_TITLE": "AdToken",
    "SITE_HEADER": "AdToken",
    "SITE_SYMBOL": "key",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("adtoken/favicon.svg")}
    ],
    "SITE_URL": reverse_lazy("my_accounts"),
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "base": {
            "50": "#f7f8fa",
            "100": "#f1f3f6",
            "200": "#dfe3e8",
            "300": "#c6cdd6",
            "400": "#9aa4b2",
            "500": "#5f6978",
            "600": "#414b5a",
            "700": "#2f3846",
            "800": "#1e2530",
            "900": "#161b23",
            "950": "#0e1218",
        },
        "primary": {
            "50": "#eceffd",
            "100": "#dfe4fc",
            "200": "#b9c3f5",
            "300": "#a9b6fb",
            "400": "#97a6fb",
            "500": "#8494fa",
            "600": "#3446c4",
            "700": "#2937a0",
            "800": "#222d83",
            "900": "#1d2550",
            "950": "#141a3a",
        },
    },
    "STYLES": [
        lambda _request: static("adtoken/tokens.css"),
        lambda _request: static("adtoken/components.css"),
        lambda _request: static("adtoken/admin.css"),
        lambda _request: channel_colours.style_sheet_url(),
    ],
    "SCRIPTS": [lambda _request: static("adtoken/alpine.js")],
    "SIDEBAR": {
        "show_search": True,
        "navigation": "portal.sidebar.navigation",
    },
}
