"""The deployment's files, each checked by the tool made for it; no container engine is needed."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from appview.config import SETTINGS, from_env
from tests.deploy.gateways import DEPLOY, nginx_configuration, tool

ROOT = DEPLOY.parents[1]
COMPOSE = ROOT / "docker-compose.yml"


def run(*command: str | Path) -> str:
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return loaded


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"\bPLYR_[A-Z0-9_]+", text))


def test_compose_file_follows_the_compose_specification() -> None:
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_compose_runs_one_indexer_and_two_servers(services: dict[str, Any]) -> None:
    commands = {name: service.get("command") for name, service in services.items()}
    assert commands["index"] == ["index"] and "deploy" not in services["index"]
    assert commands["serve"] == ["serve"] and services["serve"]["deploy"]["replicas"] == 2
    assert services["database"]["image"] == "postgres:17"


def test_nothing_but_the_gateway_is_published(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["gateway"]


def test_what_a_service_waits_for_exists_and_can_become_so(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            checked = "healthcheck" in services[other] or "build" in services[other]
            assert checked or wait["condition"] != "service_healthy", (name, other)


def test_the_settings_in_compose_are_accepted(services: dict[str, Any]) -> None:
    values = {"POSTGRES_PASSWORD": "s3cret", "PUBLIC_URL": "https://appview.example.com"}
    for name in ("migrate", "index", "serve"):
        environment = {
            setting: re.sub(r"\$\{(\w+)[^}]*\}", lambda match: values[match[1]], value)
            for setting, value in services[name]["environment"].items()
        }
        config = from_env(environment)
        assert config.database_url == "postgresql://plyr:s3cret@database/plyr"
        assert config.public_url == "https://appview.example.com"


@pytest.mark.parametrize("path", [COMPOSE, ROOT / "Dockerfile", *sorted(DEPLOY.iterdir())])
def test_every_setting_named_in_a_file_is_in_the_readme(path: Path) -> None:
    documented = settings_in((ROOT / "README.md").read_text())
    named = settings_in(path.read_text())
    assert named <= documented
    assert named <= set(SETTINGS)


def test_the_caddyfile_gets_its_values_from_compose(services: dict[str, Any]) -> None:
    asked = set(re.findall(r"\{\$(\w+)", (DEPLOY / "Caddyfile").read_text()))
    assert set(services["gateway"]["environment"]) <= asked
    assert services["gateway"]["environment"]["SERVERS"] in services
    assert "./docs/deploy/Caddyfile:/etc/caddy/Caddyfile:ro" in services["gateway"]["volumes"]


def test_caddy_accepts_the_caddyfile() -> None:
    file = DEPLOY / "Caddyfile"
    run(tool("caddy"), "validate", "--adapter", "caddyfile", "--config", file)
    assert run(tool("caddy"), "fmt", file) == file.read_text()


def test_every_directive_of_nginx_conf_is_known_and_where_it_may_be() -> None:
    # It would take the entries of a map for directives.
    answer = run(tool("crossplane"), "parse", "--strict", "--ignore=map", DEPLOY / "nginx.conf")
    assert json.loads(answer)["errors"] == []


def test_nginx_accepts_nginx_conf(tmp_path: Path) -> None:
    configuration = nginx_configuration(tmp_path, 18443, 18000)
    run(tool("nginx"), "-t", "-p", tmp_path, "-c", configuration, "-e", "stderr")


def test_the_dockerfile_passes_its_linter() -> None:
    run(tool("hadolint"), "--failure-threshold", "info", ROOT / "Dockerfile")


def test_the_build_context_holds_what_the_dockerfile_copies() -> None:
    copied = set()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--"):
            copied |= set(words[1:-1])
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_the_package_carries_every_document_and_migration(tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        str(path.relative_to(ROOT))
        for folder, ending in (("lexicons", "*.json"), ("migrations", "*.sql"))
        for path in (ROOT / folder).rglob(ending)
    }
    assert needed and needed <= carried
