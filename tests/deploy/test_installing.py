"""What docs/operations.md has an operator type to install and upgrade by the units, done as far as it goes without a systemd that runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.deploy.test_image import steps
from tests.deploy.test_units import DEPLOY, UNITS, services, unit

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def typed(beginning: str) -> list[str]:
    """Return the lines of the page's code that begin so."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith(beginning)]


@pytest.mark.parametrize("how", ["enable", "reenable"])
@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl here")
def test_what_is_enabled_starts_after_a_reboot_the_target_too(how: str, tmp_path: Path) -> None:
    """Installed, and after an upgrade from units that only the target started."""
    place = tmp_path / "etc/systemd/system"
    place.mkdir(parents=True)
    for path in (DEPLOY / "systemd").iterdir():
        shutil.copy(path, place)
    (line,) = typed(f"systemctl {how} ")
    words = subprocess.run(
        ["bash", "-c", f"echo {line}"], capture_output=True, text=True, check=True
    ).stdout.split()[2:]
    names = [word for word in words if word != "--now"]
    if how == "reenable":
        (place / "adtoken.target.wants").mkdir()
        (place / "adtoken.target.wants/adtoken-worker@all.service").symlink_to(
            place / "adtoken-worker@.service"
        )

    subprocess.run(
        ["systemctl", f"--root={tmp_path}", how, *names], capture_output=True, text=True, check=True
    )

    whole = {name if "." in name else f"{name}.service" for name in names}
    assert {path.name for path in (place / "multi-user.target.wants").iterdir()} == whole
    assert {path.name for path in (place / "adtoken.target.wants").iterdir()} == whole - {"adtoken.target"}
    assert {one.partition("@")[0].partition(".")[0] for one in whole} == {
        path.name.partition("@")[0].partition(".")[0] for path in UNITS
    } | {"adtoken"}


@pytest.mark.parametrize("name", [path.name for path in UNITS])
def test_a_process_stays_with_its_version_when_the_link_leads_to_another(name: str, tmp_path: Path) -> None:
    """A lazy import would else come from the packages of the version that it was not begun with."""
    program = unit(name)["ExecStart"].split()[:2]
    assert program[0] == "/usr/bin/env"
    (tmp_path / "adtoken-1.0").mkdir()
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=tmp_path / "adtoken-1.0", check=True
    )
    (tmp_path / "adtoken").symlink_to("adtoken-1.0")
    tell = "import sys; print(sys.prefix)"
    bin_ = tmp_path / "adtoken-1.0/.venv/bin"
    for script in ("gunicorn", "celery"):  # as pip makes them
        (bin_ / script).write_text(f"#!{bin_}/python\n{tell}\n")
        (bin_ / script).chmod(0o755)
    asked = [*program, "-c", tell] if program[1].endswith("python") else program

    said = subprocess.run(
        asked, cwd=tmp_path / unit(name)["WorkingDirectory"].removeprefix("/opt/"), capture_output=True,
        text=True, check=True,
    )  # fmt: skip

    assert said.stdout.strip() == str(tmp_path / "adtoken-1.0/.venv")


def test_installing_again_leaves_the_settings_alone(tmp_path: Path) -> None:
    lines = [*typed("install -d -m 700 /etc"), *typed("[ -e /etc/adtoken/env ]")]
    script = "\n".join(lines).replace("/etc/adtoken", str(tmp_path / "etc"))
    subprocess.run(["bash", "-ec", script], cwd=ROOT, check=True)
    settings_file = tmp_path / "etc/env"
    assert settings_file.read_text() == (ROOT / ".env.example").read_text()
    assert settings_file.stat().st_mode & 0o777 == 0o600
    settings_file.write_text("FERNET_KEYS=the ring")

    subprocess.run(["bash", "-ec", script], cwd=ROOT, check=True)

    assert settings_file.read_text() == "FERNET_KEYS=the ring"
    assert len(lines) == 2


def test_what_is_compiled_on_a_host_is_what_the_image_compiles() -> None:
    (line,) = typed(".venv/bin/python -m compileall")

    assert ("RUN", line) in steps()


def test_a_command_runs_in_the_folder_of_its_script_with_the_units_settings(tmp_path: Path) -> None:
    """The program that it hands the command to stands in for systemd's."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemd-run").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "bin/systemd-run").chmod(0o755)
    (tmp_path / "adtoken").symlink_to(ROOT)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"

    said = subprocess.run(
        [tmp_path / "adtoken/deploy/run.sh", "manage.py", "hold", "--because", "a b"],
        env={"PATH": path, "MORE_ENV": "/etc/adtoken/owner.env"}, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip

    files = [line.removeprefix("--property=EnvironmentFile=") for line in said if "EnvironmentFile=" in line]
    assert files == [unit("adtoken-web@.service")["EnvironmentFile"], "/etc/adtoken/owner.env"]
    assert f"--property=WorkingDirectory={ROOT.resolve()}" in said
    assert f"--uid={unit('adtoken-web@.service')['User']}" in said
    assert said[-5:] == ["/usr/bin/env", "manage.py", "hold", "--because", "a b"]


@pytest.mark.parametrize(
    "steps_of_it",
    [
        [
            *(
                "cd /opt/adtoken-",
                "manage.py check --deploy",
                "# systemctl stop adtoken.target",
                "manage.py migrate",
            ),
            *(
                "cp deploy/systemd/",
                "systemctl daemon-reload",
                "ln -sfT adtoken-",
                "systemctl restart 'adtoken-worker@*'",
            ),
            *("systemctl restart adtoken-web@8000", "systemctl restart adtoken-web@8001", "manage.py doctor"),
        ],
        ["yaml build", "manage.py check --deploy", "yaml stop ", "run --rm --no-deps migrate", "yaml up -d"],
    ],
    ids=["units", "compose"],
)
def test_an_upgrade_checks_migrates_and_only_then_restarts(steps_of_it: list[str]) -> None:
    upgrade = PAGE.partition("\n## Upgrade\n")[2].partition("\n## ")[0]
    blocks = [one for one in upgrade.split("```") if all(step in one for step in steps_of_it)]

    assert len(blocks) == 1
    places = [blocks[0].index(step) for step in steps_of_it]
    assert places == sorted(places)


def test_the_lines_for_compose_name_services_that_there_are_and_stop_each_that_works() -> None:
    pages = [*ROOT.glob("docs/*.md"), ROOT / "README.md"]
    lines = [
        line
        for page in pages
        for line in re.findall(
            r"docker compose -f deploy/compose\.yaml ([^`\n]+)", page.read_text(encoding="utf-8")
        )
    ]
    known = {*services(), "postgres", "valkey"}
    stopped = []
    for line in lines:
        verb, *words = shlex.split(re.sub(r" -v \S+", "", line), comments=True)
        named = [word for word in words if not word.startswith("-")]
        named = named[:1] if verb in {"run", "exec"} else named
        assert {*named} <= known, line
        stopped += [{*named}] if verb == "stop" else []

    assert len(lines) > 5
    assert {*services()} - {"migrate"} in stopped
