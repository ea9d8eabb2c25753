"""What the tools take for the text of a page: a snapshot that overlooked something would show nothing."""

import pytest

from tests.tools import pseudo, visible


def test_text_is_told_by_block_with_what_attributes_say_and_without_icons_scripts_and_the_frame() -> None:
    page = """
<title>Accounts</title><style>p {}</style><script>let a = "no"</script>
<div id="nav-sidebar">Macros</div>
<p>Works <b>until</b> <time title="Wednesday">25 Nov</time></p><span class="material-symbols-outlined">add</span>
<input type="text" placeholder="Search" value="not read"><input type="submit" value="Save">
<table><tr><td data-label="State">Healthy</td><td>2&nbsp;of 2</td></tr></table>
"""

    assert visible.text(page, without=frozenset({"nav-sidebar"})).splitlines() == [
        "Accounts",
        "Works until [title: Wednesday]25 Nov",
        "[placeholder: Search]",
        "Save",
        "[data-label: State]Healthy",
        "2 of 2",
    ]
    assert "Macros" in visible.text(page)


def test_a_form_is_sent_as_a_browser_sends_it_when_nobody_fills_anything_in() -> None:
    page = """
<form method="get"><input name="q"></form><form method="post" action="/accounts/logout/"></form>
<form method="post" action="/go/"><input type="hidden" name="seen" value="3"><input type="checkbox" name="a" value="1" checked>
<input type="checkbox" name="a" value="2"><select name="team"><option value="1">A</option><option value="2" selected>B</option></select>
<textarea name="note">
Soon</textarea><input name="off" disabled value="x"><button name="do" value="save">Save</button>
<button name="do" value="more">More</button></form>
"""

    [form] = visible.forms(page)

    assert form.action == "/go/"
    assert form.fields == {"seen": ["3"], "a": ["1"], "team": ["2"], "note": ["Soon"], "do": ["save"]}
    assert form.choices == {"a": ["1", "2"], "team": ["1", "2"]}


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("⟦Works until⟧ 25 ⟦Nov⟧ 2026", ""),
        ("⟦Paused by ⟦somebody⟧ today⟧", ""),
        ("Ada Okafor · ada@example.com", ""),
        ("[title: ⟦Open⟧]/my/3/ https://example.com/x", ""),
        ("⟦3 accounts⟧ and ⟦2 people⟧", "and"),
        ("[title: Open]⟦Accounts⟧", "Open"),
        ("Nothing to do.", "Nothing to do."),
    ],
)
def test_what_did_not_come_through_gettext_is_left_of_a_line(line: str, left: str) -> None:
    assert pseudo.rest(line, {"ada", "okafor"}) == left


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>⟦Paused⟧ <b>FAda Okafor</b></p>", set()),
        ("<p>Paused</p>", {"Paused"}),
        ("<dt>Created at</dt><td>Created at Ada</td>", set()),
        ("<td>Created at noon</td>", {"Created at noon"}),
        ("<pre>invalid token</pre><code>GET /x</code><span>AO</span>", set()),
    ],
)
def test_words_of_a_page_that_came_by_no_catalogue_are_found(html: str, left: set[str]) -> None:
    assert pseudo.left_of_page(html, {"ada", "okafor"}, frozenset({"Created at"})) == left
