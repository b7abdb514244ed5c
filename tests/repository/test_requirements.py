"""What is installed is pinned, has a purpose, and suits the runner's distribution."""

import re
import tomllib

from packaging.requirements import Requirement

import reviewconsole
from tests.repository.source import ROOT

FILES = ("requirements.txt", "requirements-dev.txt")


def lines() -> list[str]:
    """The lines of the requirements that name a package."""
    text = "\n".join((ROOT / name).read_text() for name in FILES)
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]


def test_every_requirement_is_pinned_and_has_a_purpose() -> None:
    careless = [line for line in lines() if not re.fullmatch(r"\S+==\S+ +# \S.*", line)]
    assert careless == []


def test_the_runner_is_tested_with_versions_that_it_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in (Requirement(line.partition("#")[0]) for line in lines())
    }
    refused = [
        line
        for line in project["dependencies"]
        if (needed := Requirement(line)).name in pinned
        and not needed.specifier.contains(pinned[needed.name])
    ]
    assert refused == []


def test_the_changelog_begins_with_this_version() -> None:
    newest = re.search(r"^## \[?([0-9][^\] ]*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == reviewconsole.__version__
