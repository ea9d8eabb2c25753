"""Compose file, systemd units and proxies' examples: well-formed, and true to lanes, commands and stop times of the code."""

import json
import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command, get_commands
from django.db import connection
from django.utils import translation

from adtoken_project.workers import lanes, signs_of_life
from broker.api.codes import Code
from broker.leases.texts import text
from tests.project.test_redis_by_tls import certificate

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def configuration() -> dict[str, Any]:
    """Return what gunicorn reads, without the folder that it makes for counts."""
    found = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))
    shutil.rmtree(os.environ.pop("PROMETHEUS_MULTIPROC_DIR"))
    return found


GUNICORN = configuration()


def compose() -> dict[str, Any]:
    """Return the compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def services() -> dict[str, Any]:
    """Return the compose file's services that run our image."""
    return {name: one for name, one in compose()["services"].items() if one["image"] == "adtoken"}


def is_known(command: list[str]) -> bool:
    """Return whether a command names one of our management commands, with lanes that exist."""
    served = command[2] != "worker" or command[3] in (lanes.ALL, *lanes.LANES)
    return command[:2] == ["python", "manage.py"] and command[2] in get_commands() and served


def test_the_compose_file_runs_web_worker_and_migrate_by_known_commands() -> None:
    found = services()

    assert set(found) == {"web", "gate", "worker", "migrate"}
    assert [name for name, one in found.items() if "command" in one and not is_known(one["command"])] == []


def test_the_compose_file_stops_nothing_sooner_than_it_needs_and_probes_the_file_that_a_worker_touches() -> (
    None
):
    found = services()

    assert found["worker"]["stop_grace_period"] == f"{lanes.STOPS_WITHIN}s"
    assert (
        f"find {found['worker']['environment'][signs_of_life.FILE]} "
        in found["worker"]["healthcheck"]["test"][-1]
    )
    for name in ("web", "gate"):
        assert int(found[name]["stop_grace_period"].rstrip("s")) > GUNICORN["graceful_timeout"]


@pytest.mark.django_db
def test_migrate_alone_runs_as_the_owner_of_the_tables_and_knows_its_password(tmp_path: Path) -> None:
    made_twice(tmp_path)
    files = {name: Path(one["environment"]["DATABASE_URL_FILE"]).name for name, one in services().items()}
    urls = {name: (tmp_path / "secrets" / file).read_text() for name, file in files.items()}
    roles = {name: url.removeprefix("postgres://").partition(":")[0] for name, url in urls.items()}
    made = (tmp_path / "secrets" / "roles.sql").read_text().replace("adtoken", "composed")
    with connection.cursor() as cursor:
        cursor.execute(made.replace("database composed", f"database {connection.settings_dict['NAME']}"))
        cursor.execute("select pg_get_userbyid(datdba) from pg_database where datname = current_database()")
        [owner] = cursor.fetchone()
        cursor.execute("select rolname, rolsuper from pg_roles where rolname like 'composed%' order by 1")
        found = cursor.fetchall()

    assert found == [("composed", False), ("composed_owner", False)]
    assert roles.pop("migrate") == owner.replace("composed", "adtoken") == "adtoken_owner"
    assert set(roles.values()) == {"adtoken"}
    given = {name: {Path(file).name for file in one["secrets"]} for name, one in services().items()}
    assert [name for name in roles if "owner_url" in given[name]] == []
    assert all({files[name], "redis_url", "secret_key", "fernet_keys"} == given[name] for name in given)


def made_twice(folder: Path) -> None:
    """Make the secrets as the script does, and again, which changes nothing; then hold them against the compose file and the settings."""
    script = folder / "bootstrap" / "secrets.sh"
    script.parent.mkdir()
    shutil.copy(DEPLOY / "bootstrap" / "secrets.sh", script)
    made = []
    for _ in range(2):
        subprocess.run([script], check=True, capture_output=True)
        made.append({path.name: path.read_text() for path in (folder / "secrets").iterdir()})

    assert made[0] == made[1]
    assert {f"secrets/{name}" for name in made[0]} == {one["file"] for one in compose()["secrets"].values()}
    assert (folder / "secrets").stat().st_mode & 0o077 == 0
    assert len(made[0]["secret_key"]) > 50
    Fernet(made[0]["fernet_keys"].strip())


def test_no_service_of_ours_may_write_to_its_disk_or_gain_rights() -> None:
    for one in services().values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]


def test_compose_rotates_every_log_and_has_postgresql_compile_nothing() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]

    assert {name: one.get("logging") for name, one in whole.items()} == {
        name: {"driver": "local"} for name in whole
    }
    assert "jit=off" in whole["postgres"]["command"]


def test_a_password_keeps_its_dollar_through_compose(tmp_path: Path) -> None:
    """Each secret of the example stands in single quotes, in which compose replaces nothing; compose itself is asked where it is here."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    secrets = re.findall(r"SECRET\.[^\n]*\n(?:# .*\n)*#?([A-Z_]+)=(.*)", example)
    assert [name for name, value in secrets if not re.fullmatch("'[^']*'", value)] == []
    assert len(secrets) == 11
    if shutil.which("docker-compose") is None:
        return
    shutil.copy(DEPLOY / "compose.yaml", tmp_path)
    filled = example.replace("user:password@", "user:pa$word1@")
    (tmp_path / ".env").write_text(filled)

    command = ["docker-compose", "-f", str(tmp_path / "compose.yaml"), "config", "--format", "json"]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )

    passed_on = json.loads(said.stdout)["services"]["web"]["environment"]["EMAIL_URL"]
    assert passed_on.replace("$$", "$") == "smtp+tls://user:pa$word1@mail.example.com:587"


def unit(name: str) -> dict[str, str]:
    """Return the settings of a unit; of one that stands there twice the last."""
    return dict(
        re.findall(r"^(\w+)=(.*)$", (DEPLOY / "systemd" / name).read_text(encoding="utf-8"), re.MULTILINE)
    )


def test_the_gate_is_the_same_web_server_on_an_address_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[str] = []
    monkeypatch.setattr(os, "execv", lambda _program, words: became.extend(words))

    call_command("gate", "--bind=127.0.0.1:8011", "--workers=1")

    served = f"--config={DEPLOY / 'gunicorn.conf.py'}"
    assert became[1:] == ["-m", "gunicorn", served, "--bind=127.0.0.1:8011", "--workers=1"]


def test_the_web_server_reads_its_settings_from_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "processes").write_text("7\n")
    monkeypatch.setenv("WEB_CONCURRENCY_FILE", str(tmp_path / "processes"))

    assert configuration()["workers"] == 7


def test_systemd_stops_nothing_sooner_than_it_needs() -> None:
    assert int(unit("adtoken-worker@.service")["TimeoutStopSec"]) >= lanes.STOPS_WITHIN
    assert int(unit("adtoken-web@.service")["TimeoutStopSec"]) > GUNICORN["graceful_timeout"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for path in [*UNITS, DEPLOY / "systemd/adtoken.target"]:
        text = path.read_text(encoding="utf-8").replace("User=adtoken\nGroup=adtoken\n", "")
        (tmp_path / path.name.replace("@.", "@mail.")).write_text(text)
    names = [str(path) for path in sorted(tmp_path.iterdir())]

    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )

    ours = [line for line in said.stderr.splitlines() if "adtoken" in line]
    assert (said.returncode, ours) == (0, [])
    assert len(names) == 3


def test_every_unit_is_shielded_alike() -> None:
    shields = [
        re.findall(
            r"^(?:Protect|Restrict|Private|NoNew|Cap|System|UMask|User)\w*=.*$",
            path.read_text(),
            re.MULTILINE,
        )
        for path in UNITS
    ]

    assert all(shield == shields[0] for shield in shields)
    assert len(shields[0]) > 15


def test_the_proxies_wait_for_adtoken_and_refuse_what_it_refuses() -> None:
    nginx = (DEPLOY / "proxy/nginx.conf").read_text(encoding="utf-8")
    caddy = (DEPLOY / "proxy/Caddyfile").read_text(encoding="utf-8")
    with translation.override("en"):
        refused = {"title": Code.HTTPS_ONLY.heading, "detail": text("https_only")}

    said = [re.search(r"""return 403 '(.*)';""", nginx), re.search(r"respond `(.*)` 403", caddy)]

    for one in said:
        assert one is not None
        assert json.loads(one[1]) == {
            "type": Code.HTTPS_ONLY.reference,
            "code": "https_only",
            "status": 403,
            **refused,
        }
    (waits,) = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    assert int(waits) > 180  # the statement_timeout of the compose file
    assert "statement_timeout=180s" in (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert len(re.findall(r"server 127\.0\.0\.1:\d+ max_fails=0;", nginx)) == 2
    assert nginx.count("access_log off;") == nginx.count("    listen ")


@pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="no nginx here")
def test_nginx_takes_its_example(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    site = (DEPLOY / "proxy/nginx.conf").read_text(encoding="utf-8")
    site = site.replace("/etc/ssl/adtoken/fullchain.pem", str(cert)).replace(
        "/etc/ssl/adtoken/key.pem", str(key)
    )
    places = (
        f"pid {tmp_path}/pid; error_log stderr; events {{}}"  # an ordinary user may not open the usual ones
    )
    (tmp_path / "whole.conf").write_text(f"{places}\nhttp {{\naccess_log off;\n{site}\n}}\n")

    said = subprocess.run(
        ["/usr/sbin/nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "whole.conf")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "test is successful" in said.stderr, said.stderr
    assert "[warn]" not in said.stderr, said.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="no Caddy here")
def test_caddy_takes_its_example(tmp_path: Path) -> None:
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    site = (DEPLOY / "proxy/Caddyfile").read_text(encoding="utf-8")
    if not re.match(
        r"v?2\.6\.", version
    ):  # newer than Debian 13's: the example says what that calls otherwise
        site = re.sub(r"\bbuffer_(request|response)s", r"\1_buffers 10MB", site)
    (tmp_path / "Caddyfile").write_text(site)

    said = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )

    assert said.returncode == 0, said.stderr
    assert "not formatted" not in said.stderr
