"""What stands in `deploy/` can be used as it is: read by the programs it is for, where they are."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import ROOT
from tests.scale.proxy import Nginx

DEPLOY = ROOT / "deploy"
# What whoever deploys has to say; all else is taken as it stands.
OWN_SECRET = "settings-are-checked-with-this-key-and-nothing-is-signed-by-it"


def variables(file: Path) -> dict[str, str]:
    """The variables of an environment file, as systemd and Docker read them."""
    lines = file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def found(program: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"no {program} here (install it): its file in deploy/ is not tried")
    return path


def run(*command: str | Path, **options: Any) -> str:
    """Run a command that must succeed; what it printed."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_environment_passes_the_checks_of_a_deployment(tmp_path: Path) -> None:
    environment = variables(DEPLOY / "console.env.example")
    assert environment.pop("SECRET_KEY") == ""  # no process starts with one that is published
    environment |= {"SECRET_KEY": OWN_SECRET, "DATA_DIR": str(tmp_path)}
    manage = (sys.executable, "manage.py")
    run(*manage, "collectstatic", "--noinput", "--verbosity=0", env=environment)
    told = run(*manage, "check", "--deploy", "--fail-level=DEBUG", env=environment)
    assert "no issues" in told


def test_the_environment_names_settings_that_there_are() -> None:
    known = variables(ROOT / ".env.example")
    assert set(variables(DEPLOY / "console.env.example")) - set(known) == set()


def test_the_environment_of_a_runner_is_one_that_it_reads() -> None:
    told = run(sys.executable, "-m", "reviewconsole.runner", "--help")
    for name in variables(DEPLOY / "runner.env.example"):
        assert name in told


def test_nginx_reads_its_file(tmp_path: Path, certificate: Path) -> None:
    proxy = Nginx(tmp_path, certificate, ("127.0.0.1:8001", "127.0.0.1:8002"))
    told = run(*proxy.command, "-t")
    assert "test is successful" in told


@pytest.mark.parametrize("name", ["Caddyfile", "compose.Caddyfile"])
def test_caddy_reads_its_files(tmp_path: Path, name: str) -> None:
    told = run(
        found("caddy"), "validate", "--adapter=caddyfile", "--config", DEPLOY / "caddy" / name,
        env={"HOME": str(tmp_path), "CONSOLE_NAME": "console.example.com"},
    )  # fmt: skip
    assert "Valid configuration" in told


@pytest.mark.parametrize(
    ("unit", "instance"), [("reviewconsole@", "8001"), ("reviewconsole-runner@", "billing")]
)
def test_systemd_finds_no_fault_with_a_unit(tmp_path: Path, unit: str, instance: str) -> None:
    verify = found("systemd-analyze")
    text = (DEPLOY / "systemd" / f"{unit}.service").read_text()
    # The one thing that is not on this machine: what is started.
    text = re.sub(r"^(ExecStart=)\S+", rf"\g<1>{sys.executable}", text, flags=re.MULTILINE)
    file = tmp_path / f"{unit}{instance}.service"
    file.write_text(text)
    shutil.copy(DEPLOY / "systemd" / "reviewconsole.target", tmp_path)
    assert run(verify, "verify", "--man=no", file) == ""


def compose() -> dict[str, Any]:
    """The compose file."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    return read


def test_what_the_compose_file_names_is_there() -> None:
    """No container has been started from it: only its references are followed."""
    file = compose()
    for service in file["services"].values():
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / "manage.py").exists()
            assert (ROOT / service["build"]["dockerfile"]).exists()
            assert (DEPLOY / f"{service['env_file']}.example").exists()
            assert set(service["environment"]) - set(variables(ROOT / ".env.example")) == set()
        assert set(service["networks"]) <= set(file["networks"])
        assert set(service.get("depends_on", ())) <= set(file["services"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() or source in file["volumes"]


def test_the_compose_file_sends_the_proxy_to_its_consoles() -> None:
    proxied = re.findall(
        r"reverse_proxy (.+) \{", (DEPLOY / "caddy" / "compose.Caddyfile").read_text()
    )
    consoles = [name for name in compose()["services"] if name.startswith("console-")]
    assert proxied == [" ".join(f"{name}:8000" for name in consoles)]


def test_the_image_gets_what_it_copies() -> None:
    copied = re.findall(r"^COPY (\S+) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    sent = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(sent)
    assert [name for name in copied if not (ROOT / name).exists()] == []
