"""The environment is read in one place, and every setting is explained."""

import ast
import re

import pytest

from tests.repository.source import ROOT, Module, modules

# Readers of the environment besides the settings, and why.
READERS = {
    "agents.management.commands.demo": "hands its environment on to the console",
    "agents.management.environment": "hands it on to runners, without the secrets",
    "reviewconsole.asgi": "names the settings",
    "reviewconsole.settings": "this is the place",
}
READING = {"choice", "flag", "listed", "networks", "number", "text"}


def variables() -> set[str]:
    """The names that the settings ask the environment for."""
    names = set()
    for module in modules("reviewconsole"):
        if module.name != "reviewconsole.settings":
            continue
        for node in module.nodes():
            match node:
                case ast.Call(
                    func=ast.Name(id=function), args=[ast.Constant(value=str(name)), *_]
                ) if function in READING:
                    names.add(name)
    return names


@pytest.mark.parametrize(
    "module",
    [
        module
        for module in modules("agents", "reviewconsole")
        # The runner is a program of its own.
        if module.name not in READERS and not module.name.startswith("reviewconsole.runner")
    ],
    ids=lambda module: module.name,
)
def test_the_environment_is_read_in_the_settings_only(module: Module) -> None:
    assert re.findall(r"\b(?:environ|getenv)\b", module.text) == []


def test_every_setting_has_an_example() -> None:
    examples = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(examples) == variables()


def test_every_setting_is_explained() -> None:
    explained = re.findall(
        r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    assert set(explained) == variables()
