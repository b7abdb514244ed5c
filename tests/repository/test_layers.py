"""Who may import whom. An import points down, or stays in its own unit."""

import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tests.repository.source import ROOT, Module, modules

# A unit is a module or a package with all that is in it.
LAYERS = {
    # 0, pure: values in, values out; no Django, no clock, no I/O.
    "reviewconsole.protocol": 0,
    "agents.exceptions": 0,
    "agents.graph_picture": 0,
    "agents.history": 0,
    "agents.reviews": 0,
    # 1, what is true.
    "agents.instruments": 1,
    "agents.models": 1,
    "agents.pipelines": 1,
    "agents.prepared": 1,
    "agents.roles": 1,
    "agents.written_inserts": 1,
    # 2, the window to open pages and to runners, and who of both goes first.
    "agents.precedence": 2,
    "agents.push": 2,
    # 3, what happens, and what is shown live.
    "agents.figures": 3,
    "agents.hops": 3,
    "agents.services": 3,
    "agents.live": 3,
    # 4, the doors.
    "agents.admin": 4,
    "agents.checks": 4,
    "agents.consumers": 4,
    "agents.forms": 4,
    "agents.management": 4,
    "agents.sessions": 4,
    "agents.sign_in_form": 4,
    "agents.start_form": 4,
    "agents.templatetags": 4,
    "agents.views": 4,
    # 5, wiring.
    "agents.apps": 5,
    "agents.routing": 5,
    "agents.urls": 5,
    "reviewconsole.hints": 5,
    "reviewconsole.log": 5,
    "reviewconsole.settings": 5,
    "reviewconsole.asgi": 6,
    "reviewconsole.urls": 6,
    # Apart: the runner's process.
    "reviewconsole.runner": 9,
}
PURE = [unit for unit, layer in LAYERS.items() if layer == 0]
RUNNER = "reviewconsole.runner"

BESIDE_EACH_OTHER = {
    ("agents.admin", "agents.sign_in_form"),
    ("agents.live", "agents.services"),  # what only reads them
    ("agents.history", "reviewconsole.protocol"),
    ("agents.prepared", "agents.pipelines"),
    ("agents.prepared", "agents.written_inserts"),
    ("agents.reviews", "agents.exceptions"),
    ("agents.reviews", "reviewconsole.protocol"),
    ("agents.views", "agents.forms"),
    ("agents.views", "agents.start_form"),
    ("agents.written_inserts", "agents.pipelines"),
}
"""Units of one layer, of which the first may import the second."""

PURE_LIBRARIES = {
    "jsonschema",
    "markdown_it",
    "nh3",
    "ormsgpack",
    "referencing",
    "regex",
    "rfc8785",
}
IMPURE_STANDARD_LIBRARY = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
}

SOURCES = modules("agents", "reviewconsole")


def unit(name: str) -> str | None:
    """The unit that holds the module `name`; None for a package of units, and for others."""
    return next((unit for unit in LAYERS if f"{name}.".startswith(f"{unit}.")), None)


def libraries(module: Module) -> set[str]:
    """The top-level packages it imports that are neither Python's nor the project's."""
    names = {name.partition(".")[0] for name in module.imports()}
    return names - sys.stdlib_module_names - {"agents", "reviewconsole"}


def by_name(module: Module) -> str:
    return module.name


@pytest.mark.parametrize("module", SOURCES, ids=by_name)
def test_a_module_belongs_to_a_layer(module: Module) -> None:
    assert unit(module.name) or module.path.name == "__init__.py", "add it to LAYERS"


@pytest.mark.parametrize("module", SOURCES, ids=by_name)
def test_imports_point_down(module: Module) -> None:
    here = unit(module.name)
    there = {unit(name) for name in module.imports()} - {None, here}
    if here == RUNNER:
        allowed = {"reviewconsole.protocol"}
    else:
        allowed = {
            other
            for other, layer in LAYERS.items()
            if here and (layer < LAYERS[here] or (here, other) in BESIDE_EACH_OTHER)
        }
    assert there - allowed == set()


@pytest.mark.parametrize(
    "module", [module for module in SOURCES if unit(module.name) in PURE], ids=by_name
)
def test_a_pure_module_knows_no_framework_clock_or_io(module: Module) -> None:
    assert libraries(module) - PURE_LIBRARIES == set()
    assert {name.partition(".")[0] for name in module.imports()} & IMPURE_STANDARD_LIBRARY == set()


@pytest.mark.parametrize(
    "module", [module for module in SOURCES if unit(module.name) == RUNNER], ids=by_name
)
def test_the_runner_needs_only_what_its_distribution_brings(module: Module) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {Requirement(line).name for line in project["dependencies"]}
    distributions = metadata.packages_distributions()
    missing = {
        library
        for library in libraries(module)
        if declared.isdisjoint(distributions.get(library, []))
    }
    assert missing == set()


@pytest.mark.parametrize(
    "module", [module for module in SOURCES if unit(module.name) != RUNNER], ids=by_name
)
def test_the_console_never_loads_agent_code(module: Module) -> None:
    assert libraries(module) & {"langchain", "langchain_core", "langgraph"} == set()


@pytest.mark.parametrize(
    "module", [module for module in SOURCES if unit(module.name) != "agents.push"], ids=by_name
)
def test_only_push_sends_to_the_channel_layer(module: Module) -> None:
    assert "channels.layers" not in module.imports()
