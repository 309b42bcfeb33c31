"""What the documents say is so."""

import json
import re
import tomllib
from enum import StrEnum
from pathlib import Path

import pytest

from appview.config import SETTINGS
from indexer.events import QuarantineReason, Reason
from indexer.labels.label import LabelReason
from lexicons.catalog import load_catalog
from tests.docs.documents import DOCUMENTS, ROOT, quoted, read, rows, section

PATH = re.compile(r"[\w.<>-]+/[\w.<>/-]*|[\w<>-]+\.(?:py|md|sql|toml)")  # routes begin with /
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
SOURCES = ("appview", "bench", "docs", "indexer", "lexicons", "migrations", "tests", "xrpc")
OUTSIDE = {"../shared", ".reference/", "./data"}
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|home|Users|tmp|var|opt|mnt)/\w")
REGISTRY = re.compile(
    r"(?i)\b(?:pypi|pythonhosted|npmjs|registry|artifactory|nexus|proxy)\.(?!py\b)[a-z0-9-]+"
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_readme_lists_every_setting_with_its_default() -> None:
    table = {
        name.strip("`"): default
        for name, default, _ in rows(section(read("README.md"), "Settings"))
    }
    assert list(table) == list(SETTINGS)
    for name, item in SETTINGS.items():
        default = item.metadata["default"]
        if default:
            assert table[name] == f"`{default}`", name
        else:
            assert table[name], name
            assert "`" not in table[name], name


def test_readme_names_every_method() -> None:
    told = set(quoted(section(read("README.md"), "What it answers")))
    for nsid in load_catalog().methods:
        assert {nsid.removeprefix("fm.plyr."), nsid.rpartition(".")[2]} & told, nsid


@pytest.mark.parametrize(
    ("heading", "reasons"),
    [
        ("Events that were refused", Reason),
        ("Labels that were refused", LabelReason),
        ("Records that were quarantined", QuarantineReason),
    ],
)
def test_every_reason_is_explained(heading: str, reasons: type[StrEnum]) -> None:
    explained = [row[0].strip("`") for row in rows(section(read("docs/reasons.md"), heading))]
    assert explained == [str(reason) for reason in reasons]


METRIC = re.compile(r'(?:Counter|Gauge|Histogram)\(\s*"(plyr_\w+)"')


def test_every_metric_is_explained() -> None:
    sources = [path for name in SOURCES for path in (ROOT / name).rglob("*.py")]
    names = [name for path in sources for name in METRIC.findall(path.read_text())]
    assert sorted(row[0].strip("`") for row in rows(read("docs/metrics.md"))) == sorted(names)


def test_every_dependency_has_its_sentence_and_nothing_else_has() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    needed = {package(line) for line in project["project"]["dependencies"]}
    for_development = {package(line) for line in project["dependency-groups"]["dev"]}
    text = read("docs/dependencies.md")
    explained = {
        name
        for row in rows(text)
        for name in re.findall(r"[a-z][a-z0-9-]+", row[0])
        if name != "optional"
    }
    assert explained == needed
    rest = text[text.index("For development") :]
    assert {name for name in for_development if name not in rest} == set()


def package(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9-]+", requirement)
    assert match is not None, requirement
    return match.group().lower()


def test_the_tour_and_the_decisions_stay_short() -> None:
    assert len(read("ARCHITECTURE.md").splitlines()) < 120
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert decisions
    for number, decision in enumerate(decisions, start=1):
        assert decision.name.startswith(f"{number:04}-")
        text = decision.read_text()
        assert len(text.splitlines()) <= 30, decision.name
        assert text.startswith(f"# {number}. ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_what_a_document_links_to_is_there(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_paths_that_a_document_names_are_there(name: str) -> None:
    paths = {word for word in quoted(read(name)) if PATH.fullmatch(word)} - OUTSIDE
    assert paths
    assert {path for path in paths if not is_there(path)} == set()


def is_there(path: str) -> bool:
    """Anywhere in the sources, since a table names its folder once; <name> stands for any."""
    pattern = re.sub(r"<\w+>|NNNN", "*", path.strip("/"))
    folders = [ROOT / name for name in SOURCES]
    return any(
        [*ROOT.glob(pattern), *(found for folder in folders for found in folder.rglob(pattern))]
    )


def test_every_verb_that_a_document_names_is_one_of_make() -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))
    said = {
        path: set(re.findall(r"(?:`|^\s*)make ([a-z-]+)", path.read_text(), re.MULTILINE))
        for path in [*DOCUMENTS, ROOT / ".ci" / "run"]
    }
    assert {named(path): words - verbs for path, words in said.items() if words - verbs} == {}
    assert {"setup", "test", "mutants"} <= set().union(*said.values())


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_no_document_knows_the_machine_it_was_written_on(document: Path) -> None:
    text = document.read_text()
    assert MACHINE_PATH.findall(text) == []
    assert REGISTRY.findall(text) == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_says_what_and_not_from_where(name: str) -> None:
    text = read(name)
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "index" not in re.sub(r"^\s+--hash.*|^[a-z].*", "", text, flags=re.MULTILINE)


def test_the_lock_of_the_reference_pds_says_no_place_either() -> None:
    packages = json.loads(read("tests/reference/package-lock.json"))["packages"]
    assert any("integrity" in package for package in packages.values())
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_every_document_is_reached_from_the_readme() -> None:
    found, due = set(), [ROOT / "README.md"]
    while due:
        document = due.pop()
        if document in found:
            continue
        found.add(document)
        for target in LINK.findall(document.read_text()):
            path = (document.parent / target).resolve()
            due += sorted(path.glob("*.md")) if path.is_dir() else [path] * (path.suffix == ".md")
    assert set(DOCUMENTS) <= found
