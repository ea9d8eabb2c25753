"""A channel may come from an installed distribution: an entry point is all that it takes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DECLARATION = """
from dataclasses import replace
from tests.contract.made_up.managed.declaration import DECLARATION as MANAGED

DECLARATION = replace(
    MANAGED, key="{key}", label="Friendster", addresses={{"{name}_API_URL": "https://api.friendster.example"}},
    consent="{name}_API_URL", api="{name}_API_URL", versions=replace(MANAGED.versions, setting="{name}_VERSION"),
)
"""
CHANNEL = """
from friendster_for_adtoken.declaration import DECLARATION as DECLARED
from tests.contract.made_up.managed.channel import Managed


class Friendster(Managed):
    declaration = DECLARED


CHANNEL = Friendster()
"""
ASK = """
import json
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from tokens.channels import declarations, registry, words
from tokens.channels.kinds import Reason
from tokens.channels.checks import channels_are_whole
from tokens.models import ChannelApp
from tokens.provider import provider_classes
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
print(json.dumps({
    "keys": list(declarations.channel_keys()),
    "label": registry.get("friendster").label,
    "choice": dict(ChannelApp._meta.get_field("channel").flatchoices)["friendster"],
    "address": settings.FRIENDSTER_API_URL,
    "consent": "https://api.friendster.example" in settings.CONSENT_ORIGINS,
    "callback": reverse("friendster_callback"),
    "provider": provider_classes[-1].id,
    "steps": words.steps("friendster", Reason.EXPIRED, channel="Friendster"),
    "lacks": [str(one) for one in channels_are_whole()],
}))
"""


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    """A folder as pip leaves it behind."""
    package, facts = tmp_path / "friendster_for_adtoken", tmp_path / "friendster_for_adtoken-1.0.dist-info"
    package.mkdir()
    facts.mkdir()
    (package / "__init__.py").write_text("")
    (package / "declaration.py").write_text(DECLARATION.format(key="friendster", name="FRIENDSTER"))
    (package / "channel.py").write_text(CHANNEL)
    shutil.copy(ROOT / "tests/contract/made_up/words.txt", package)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: friendster-for-adtoken\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[adtoken.channels]\nfriendster = friendster_for_adtoken\n")
    return tmp_path


def asked(distribution: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(distribution), str(ROOT)])
    env = {**os.environ, "PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "adtoken_project.settings"}
    return subprocess.run(
        [sys.executable, "-c", ASK], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_an_installed_channel_stands_beside_ours_with_everything_derived(distribution: Path) -> None:
    answer = asked(distribution)

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {
        "keys": ["facebook", "snapchat", "x", "linkedin", "pinterest", "tiktok", "friendster"],
        "label": "Friendster",
        "choice": "Friendster",
        "address": "https://api.friendster.example",
        "consent": True,
        "callback": "/link/friendster/callback/",
        "provider": "friendster",
        "steps": ["Press Re-authenticate and log in."],
        "lacks": [],
    }


def test_an_installed_channel_takes_the_place_of_none_of_ours(distribution: Path) -> None:
    (distribution / "friendster_for_adtoken" / "declaration.py").write_text(
        DECLARATION.format(key="facebook", name="FACEBOOK")
    )

    answer = asked(distribution)

    assert answer.returncode != 0
    assert (
        "The channel of friendster_for_adtoken cannot be used: the key 'facebook' is taken by Facebook"
        in answer.stderr
    )
