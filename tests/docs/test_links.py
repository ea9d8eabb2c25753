"""The texts hold together: links lead somewhere, settings and make targets are those of the code."""

import re

import pytest

from tests.docs import reading
from tokens.channels import declarations

TEXTS = {str(path.relative_to(reading.ROOT)): path for path in reading.texts()}


def test_every_relative_link_leads_to_a_file_and_its_heading() -> None:
    assert {name: found for name, path in TEXTS.items() if (found := reading.broken_links(path))} == {}


def test_every_file_that_a_text_names_is_there() -> None:
    assert {name: found for name, path in TEXTS.items() if (found := reading.missing_files(path))} == {}


def test_the_page_of_settings_describes_exactly_the_variables_that_the_code_reads() -> None:
    assert reading.described_in_settings() == set(reading.variables())


def test_the_example_holds_exactly_the_variables_that_the_code_reads() -> None:
    assert set(reading.example()) == set(reading.variables())


def test_the_example_shows_the_defaults_of_the_code() -> None:
    shown = reading.example()
    defaults = {name: value for name, value in reading.variables().items() if value is not None}

    defaults["DATABASE_POOL"] = ""  # a number would hold for workers, too, whose own is another one
    assert {name: shown[name] for name in defaults} == defaults
    assert len(defaults) > 15


@pytest.mark.parametrize("key", declarations.channel_keys())
def test_the_page_of_a_channel_describes_exactly_its_variables(key: str) -> None:
    declared = declarations.declared()[key]
    page = (reading.ROOT / "docs" / "channels" / f"{key}.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| (`{key.upper()}_[^|]+) \| (.*)$", page, re.MULTILINE)
    described = {name: text for names, text in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", names)}

    assert described.keys() == {*declared.addresses, declared.versions.setting, f"{key.upper()}_URL"}
    assert f"`{declared.versions.default}`" in described[declared.versions.setting]


def test_readme_names_every_make_target_that_help_lists() -> None:
    assert reading.make_targets(shown=True) - {"help"} - reading.named_targets(TEXTS["README.md"]) == set()


def test_no_text_names_a_make_target_that_does_not_exist() -> None:
    named = {name: reading.named_targets(path) - reading.make_targets() for name, path in TEXTS.items()}

    assert {name: missing for name, missing in named.items() if missing} == {}


def test_the_index_of_decisions_names_every_page_once_and_in_order() -> None:
    folder = reading.ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")

    named = re.findall(r"^\| \[\d{4}\]\(([^)]+)\)", index, re.MULTILINE)

    assert named == sorted(page.name for page in folder.glob("0*.md"))
