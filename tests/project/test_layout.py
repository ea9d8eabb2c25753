"""How the rooms hang together where import-linter cannot look: late imports, rings, pages put together from halves, HTML among the rules.

What still breaks a rule is listed in layout-debt.txt, where a line may only go; `python -m tests.tools.layout` rewrites it.
"""

import ast
import shutil
import subprocess

import pytest
from django.contrib import admin

from tests.tools import layout, words


def modules(**sources: str) -> dict[str, ast.Module]:
    return {name.replace("__", "."): ast.parse(text) for name, text in sources.items()}


@pytest.fixture(scope="module")
def product() -> dict[str, ast.Module]:
    return layout.trees()


@pytest.mark.parametrize("rule", layout.RULES)
def test_nothing_new_breaks_a_rule_of_the_layout(rule: str, product: dict[str, ast.Module]) -> None:
    found = {f"{rule}: {one}" for one in layout.RULES[rule](product)}

    assert sorted(found - layout.debt()) == [], layout.RULES[rule].__doc__


def test_nothing_is_committed_that_git_is_told_to_ignore() -> None:
    """A link to another .venv was: wherever it was merged, git put it in place of the real folder, which it deleted."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git")
    command = [git, "ls-files", "--cached", "--ignored", "--exclude-standard"]
    listed = subprocess.run(command, cwd=words.ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no work tree of git")

    assert listed.stdout.split() == []


def test_each_model_has_one_admin_and_it_is_the_portal_s() -> None:
    ours = {
        model._meta.label: type(one).__module__
        for model, one in admin.site._registry.items()
        if type(one).__module__.split(".")[0] in words.APPS
    }

    assert {label: module for label, module in ours.items() if not module.startswith("portal.")} == {}
    assert len(ours) > 10


def test_an_import_within_a_function_is_found_and_what_an_app_does_at_its_start_is_not() -> None:
    text = "def of():\n    from accounts import pool\n"

    found = layout.lazy(modules(macros__scope=text, macros__apps=text, accounts__pool=""))

    assert found == {"macros.scope imports accounts.pool"}


def test_a_ring_is_found_also_where_an_import_is_for_types_alone() -> None:
    back = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ui.a import A\n"

    found = layout.rings(
        modules(ui__a="from ui import b", ui__b="def f():\n    import ui.c", ui__c=back, ui__d="import ui.a")
    )

    assert found == {"ui.a, ui.b, ui.c"}


def test_a_class_of_two_halves_is_found_and_one_with_a_base_of_a_library_is_not() -> None:
    text = """
from accounts.models import Account
from macros.pages import MacrosOnAccounts
from django.forms import Form
class Page(Form, Account): ...
class Both(MacrosOnAccounts[Account], Page): ...
"""

    assert layout.mixed(modules(portal__accounts=text)) == {"portal.accounts.Both(MacrosOnAccounts, Page)"}


def test_what_makes_html_is_found_among_the_rules_and_rows_of_the_admin_s_log_are_none() -> None:
    text = "from django.contrib.admin.models import LogEntry\nfrom django.template.loader import render_to_string\n"

    found = layout.html(modules(accounts__pool=text, portal__pages=text))

    assert found == {"accounts.pool imports django.template.loader"}


@pytest.mark.parametrize(
    ("docstring", "found"),
    [
        ("Do it.", {"ui.a.do raises Http404, ValueError"}),
        ("Do it. Raises ValueError.", set()),
        ("Do it, or answer 404.", set()),
        ("Do it; who may not is refused.", set()),
    ],
)
def test_a_docstring_that_is_silent_about_errors_is_found(docstring: str, found: set[str]) -> None:
    text = f'''
def do():
    """{docstring}"""
    if bad:
        raise ValueError("bad")
    def inner():
        raise KeyError
    raise http.Http404
def _do():
    """Do it."""
    raise ValueError
'''

    assert layout.silent(modules(ui__a=text)) == found


@pytest.mark.parametrize(
    ("signature", "docstring", "found"),
    [
        ("timeout: float | None", "Ask.", {"ui.a.ask tells no unit of timeout"}),
        ("timeout: float | None", "Ask for at most `timeout` seconds.", set()),
        ("timeout_seconds: float", "Ask.", set()),
        ("limit: int", "Ask.", {"ui.a.ask tells no unit of limit"}),
        ("limit: Limit", "Ask.", set()),
    ],
)
def test_a_number_without_a_unit_is_found(signature: str, docstring: str, found: set[str]) -> None:
    text = f'''
def ask(*, {signature}):
    """{docstring}"""
'''

    assert layout.unmeasured(modules(ui__a=text)) == found


def test_a_method_has_the_unit_of_its_base() -> None:
    text = '''
class Base:
    def ask(self, timeout: float):
        """Ask for `timeout` seconds."""
class Child(Base):
    def ask(self, timeout: float):
        """Ask another."""
'''

    assert layout.unmeasured(modules(ui__a=text)) == set()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("MOST = 50", {"tokens.channels.x.reading: MOST"}),
        ("MOST = 50  # rows of a page", set()),
        ("LIFETIME = Lifetime(access=None)", {"tokens.channels.x.reading: LIFETIME"}),
        ("LIFETIME = Lifetime(source='https://docs.x.com/')", set()),
    ],
)
def test_a_fact_of_a_channel_without_a_source_is_found(line: str, found: set[str]) -> None:
    trees = {"tokens.channels.x.reading": ast.parse(line)}

    assert layout.unsourced(trees, lambda _module: [line]) == found
