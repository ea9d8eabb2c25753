"""The settings of the admin portal's theme. `adtoken_project.settings` loads it: nothing here may ask the settings, as gettext does."""

from django.templatetags.static import static
from django.urls import reverse_lazy

from tokens import views as channel_colours

UNFOLD = {
    "SITE_TITLE": "AdToken",
    "SITE_HEADER": "AdToken",
    "SITE_SYMBOL": "key",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("adtoken/favicon.svg")}
    ],
    "SITE_URL": reverse_lazy("my_accounts"),
    "SHOW_VIEW_ON_SITE": False,
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
