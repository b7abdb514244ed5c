"""The agents of a `langgraph.json`, found and opened as LangGraph's own server does it.

A graph is named `file.py:variable` or `package.module:variable`. The variable holds a compiled
graph, a `StateGraph`, or a factory that returns one, an awaitable of one, or a context manager
around one. Without a variable, the module's first compiled graph is taken, else its first
`StateGraph`.
"""

import importlib
import importlib.util
import json
import logging
import os
import reprlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from dotenv import dotenv_values
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from langgraph_sdk.runtime import AccessContext

from reviewconsole.runner import factories

logger = logging.getLogger(__name__)

Graph = Pregel[Any, Any, Any, Any]


class GraphLoadError(Exception):
    """A graph cannot be served: which agent, where it was looked for, why, and the remedy.

    `agent` is None when the `langgraph.json` as a whole is at fault.
    """

    def __init__(self, agent: str | None, where: str, problem: str, remedy: str) -> None:
        self.agent = agent
        self.where = where
        self.problem = problem
        self.remedy = remedy
        subject = where if agent is None else f"agent {agent!r} ({where})"
        super().__init__(f"{subject}: {problem}. {remedy}.")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a `langgraph.json` says that an agent's graph is."""

    agent: str
    config: Path  # the langgraph.json itself
    location: str  # a file, relative to the folder of `config`, or a module; as written
    variable: str | None

    @property
    def is_file(self) -> bool:
        return "/" in self.location or self.location.endswith(".py")

    @property
    def file(self) -> Path:
        return (self.config.parent / self.location).resolve()

    def error(self, problem: str, remedy: str) -> GraphLoadError:
        where = str(self.file) if self.is_file else self.location
        if self.variable:
            where = f"{where}:{self.variable}"
        return GraphLoadError(self.agent, where, problem, remedy)


@dataclass(slots=True, eq=False)
class GraphSpec:
    """An agent of a `langgraph.json`, ready to be opened, or the reason why it is not."""

    reference: Reference
    description: str | None
    factory: factories.Factory | GraphLoadError
    _checkpointer_reported: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        return self.reference.agent

    @property
    def error(self) -> GraphLoadError | None:
        """Why this agent cannot be served, None if it can."""
        return self.factory if isinstance(self.factory, GraphLoadError) else None

    @asynccontextmanager
    async def open(
        self,
        config: RunnableConfig,
        *,
        access: AccessContext = "threads.create_run",
        context: object = None,
    ) -> AsyncIterator[Graph]:
        """Yield the compiled graph for one run; a factory is called each time.

        `access` says what the graph is wanted for and `context` is the run's context: a factory
        that takes the server's runtime sees both. A context manager that a factory returned is
        left when the block ends. The graph keeps the checkpointer it was compiled with; the caller
        overrides it by `graph.copy(update={"checkpointer": saver})`.

        Raises: `GraphLoadError` if the agent could not be loaded, or its factory fails or gives no
        graph. What the block itself raises passes through unchanged.
        """
        if isinstance(self.factory, GraphLoadError):
            raise self.factory
        async with AsyncExitStack() as stack:
            try:
                made = self.factory(ensure_config(config), factories.runtime(access, context))
                made = await factories.entered(stack, made)
            except Exception as error:
                raise self.reference.error(
                    f"the factory raised {_described(error)}", "Correct the factory"
                ) from error
            graph = _compiled(self.reference, made)
            self._report_checkpointer(graph)
            # "LangGraph" is the name of every graph that was given none.
            yield graph.copy(update={"name": self.name}) if graph.name == "LangGraph" else graph

    def _report_checkpointer(self, graph: Graph) -> None:
        if isinstance(graph.checkpointer, BaseCheckpointSaver) and not self._checkpointer_reported:
            self._checkpointer_reported = True
            logger.warning(
                "agent %r is compiled with its own %s, which is not used: the console keeps the "
                "checkpoints. Compile the graph without a checkpointer.",
                self.name,
                type(graph.checkpointer).__name__,
            )


def load(path: Path) -> dict[str, GraphSpec]:
    """Find every graph that the `langgraph.json` at `path` names, in its order.

    Imports the agents' modules, each file once. Before that, the folder of `path` and the local
    folders among its `dependencies` are appended to `sys.path`, and its `env` is put into the
    environment, over what is there. A graph that cannot be loaded is in the result with its
    `error`, so that one bad agent does not take the others along.

    Raises: `GraphLoadError` if the file itself cannot be used.
    """
    path = path.resolve()
    config = _read(path)
    _extend_import_path(path, config.get("dependencies", []))
    os.environ.update(_environment(path, config.get("env", {})))
    modules: dict[Path, ModuleType] = {}
    return {agent: _spec(path, agent, entry, modules) for agent, entry in config["graphs"].items()}


def _read(path: Path) -> dict[str, Any]:
    """The content of a `langgraph.json`, with a non-empty object under `graphs`."""
    try:
        config = json.loads(path.read_text("utf-8"))
    except OSError as error:
        problem, remedy = f"cannot be read: {error.strerror}", "Give the path of a langgraph.json"
        raise GraphLoadError(None, str(path), problem, remedy) from error
    except ValueError as error:
        problem, remedy = f"is not JSON: {error}", "Correct it there"
        raise GraphLoadError(None, str(path), problem, remedy) from error
    if isinstance(config, dict) and isinstance(config.get("graphs"), dict) and config["graphs"]:
        return config
    remedy = 'Write {"graphs": {"agent": "./agent.py:graph"}}'
    raise GraphLoadError(None, str(path), "names no graphs", remedy)


def _extend_import_path(path: Path, dependencies: object) -> None:
    """Make the agents' folder and the local folders among its `dependencies` importable.

    They come last, as with the server, so that an agent's file cannot hide an installed module.
    """
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        problem, remedy = f"dependencies is {dependencies!r}", 'Write a list, such as ["."]'
        raise GraphLoadError(None, str(path), problem, remedy)
    for folder in (path.parent, *((path.parent / name).resolve() for name in dependencies)):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.append(str(folder))


def _environment(path: Path, env: object) -> dict[str, str]:
    """The variables that `env` sets: an object, or the name of a dotenv file."""
    if isinstance(env, str):
        file = path.parent / env
        if not file.is_file():
            logger.warning("%s: there is no env file %s; going on without it", path, file)
        return {name: value for name, value in dotenv_values(file).items() if value is not None}
    if isinstance(env, dict) and all(isinstance(value, str) for value in env.values()):
        return env
    problem, remedy = f"env is {env!r}", "Write the name of a file, or an object of strings"
    raise GraphLoadError(None, str(path), problem, remedy)


def _spec(path: Path, agent: str, entry: object, modules: dict[Path, ModuleType]) -> GraphSpec:
    """The agent as `entry` describes it: `"path"` or `{"path": …, "description": …}`."""
    described: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"path": entry}
    source, text = described.get("path"), described.get("description")
    description = text if isinstance(text, str) else None
    if not isinstance(source, str) or not source:
        remedy = f'Write "./agent.py:graph" or "package.module:graph" in {path}'
        error = GraphLoadError(agent, str(path), f"its path is {source!r}", remedy)
        return GraphSpec(Reference(agent, path, "", None), description, error)
    location, _, variable = source.rpartition(":") if ":" in source else (source, "", "")
    reference = Reference(agent, path, location, variable or None)
    try:
        return GraphSpec(reference, description, _factory(reference, modules))
    except GraphLoadError as error:
        return GraphSpec(reference, description, error)


def _factory(reference: Reference, modules: dict[Path, ModuleType]) -> factories.Factory:
    """Import what `reference` names; a graph becomes a factory that returns it."""
    value = _value(reference, _module(reference, modules))
    if isinstance(value, Pregel | StateGraph) or not callable(value):
        graph = _compiled(reference, value)
        return lambda config, runtime: graph
    try:
        return factories.factory(value)
    except (TypeError, ValueError) as error:
        raise reference.error(f"no graph factory: {error}", "Correct its parameters") from error


def _module(reference: Reference, modules: dict[Path, ModuleType]) -> ModuleType:
    """Import the module of `reference`; `modules` holds the files imported before."""
    if reference.is_file and not reference.file.is_file():
        raise reference.error("there is no such file", f"Correct the path in {reference.config}")
    try:
        if not reference.is_file:
            return importlib.import_module(reference.location)
        if reference.file not in modules:
            modules[reference.file] = _executed(reference)
        return modules[reference.file]
    except GraphLoadError:
        raise
    except ImportError as error:
        remedy = "Install the agent's dependencies into the environment of this runner"
        raise reference.error(f"cannot be imported: {_described(error)}", remedy) from error
    except (Exception, SystemExit) as error:  # a module may call sys.exit(): the others stay
        problem = f"raised {_described(error)} while it was imported"
        raise reference.error(problem, "Correct the module") from error


def _executed(reference: Reference) -> ModuleType:
    """Execute a file as a module, named as the server names it: checkpoints keep type names."""
    name = reference.location.removesuffix(".py").replace("/", "__").replace(" ", "_").lstrip(".")
    spec = importlib.util.spec_from_file_location(name, reference.file)
    if spec is None or spec.loader is None:
        raise reference.error("this is not a Python file", "Only Python graphs are served")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _value(reference: Reference, module: ModuleType) -> object:
    """What the variable of `reference` holds, or the first graph of the module."""
    values = vars(module)
    compiled = [name for name in sorted(values) if isinstance(values[name], Pregel)]
    graphs = compiled + [name for name in sorted(values) if isinstance(values[name], StateGraph)]
    name = reference.variable or next(iter(graphs), None)
    if name is None:
        raise reference.error("it holds no graph", "Name the function that makes one, after a ':'")
    if name not in values:
        remedy = f"Name one of {', '.join(graphs)}" if graphs else "Name a graph or a factory"
        raise reference.error(f"it has no variable {name!r}", remedy)
    return values[name]


def _compiled(reference: Reference, value: object) -> Graph:
    """`value` as a compiled graph."""
    if isinstance(value, StateGraph):
        try:
            return value.compile()
        except Exception as error:
            problem = f"does not compile: {_described(error)}"
            raise reference.error(problem, "Correct the graph") from error
    if isinstance(value, Pregel):
        return value
    remedy = "Give a compiled graph, a StateGraph or a function that makes one"
    raise reference.error(f"{reprlib.repr(value)} is not a graph", remedy)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
