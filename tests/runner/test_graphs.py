"""A `langgraph.json` is resolved as LangGraph's server resolves it, one bad graph at a time."""

import json
import logging
import os
import sys
from textwrap import dedent

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from reviewconsole.runner.graphs import GraphLoadError, load

AGENT = """
from langgraph.graph import START, MessagesState, StateGraph

builder = StateGraph(MessagesState)
builder.add_node("reply", lambda state: {"messages": [("ai", "Hello")]})
builder.add_edge(START, "reply")
"""
COMPILED = AGENT + "graph = builder.compile()\n"


@pytest.fixture(autouse=True)
def import_state(monkeypatch, tmp_path):
    """Loading changes the import path, the modules and the environment: for this test only."""
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(os, "environ", os.environ.copy())
    yield
    for name in set(sys.modules) - set(before):
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def project(tmp_path):
    """Writes files and a langgraph.json into an empty folder, and loads it."""

    def write(graphs, files=None, **config):
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(dedent(text))
        path = tmp_path / "langgraph.json"
        path.write_text(json.dumps({"graphs": graphs, **config}))
        return load(path)

    return write


async def name_of(spec, **options):
    async with spec.open({}, **options) as graph:
        return graph.name


def broken(specs, agent="agent"):
    """The error of an agent that could not be loaded."""
    error = specs[agent].error
    assert isinstance(error, GraphLoadError)
    assert error.agent == agent
    return error


class TestWhereAGraphIs:
    @pytest.mark.parametrize(
        "path",
        [
            "./agent.py:graph",
            "agent.py:graph",
            "./agent.py:builder",
            "./agent.py",
            "agent:graph",
            "agent:builder",
        ],
    )
    async def test_a_file_or_a_module_with_a_variable_or_none(self, project, path):
        specs = project({"agent": path}, {"agent.py": COMPILED})

        assert specs["agent"].error is None
        assert await name_of(specs["agent"]) == "agent"

    async def test_a_module_in_a_package(self, project):
        files = {"shop/__init__.py": "", "shop/orders.py": COMPILED}

        specs = project({"orders": "shop.orders:graph"}, files)

        assert await name_of(specs["orders"]) == "orders"

    async def test_a_dependency_folder_can_be_imported(self, project):
        files = {"src/shop/__init__.py": "", "src/shop/orders.py": COMPILED}

        specs = project({"orders": "shop.orders:graph"}, files, dependencies=["./src", "langchain"])

        assert specs["orders"].error is None

    async def test_files_import_their_neighbours(self, project):
        files = {"agent.py": "from flow import graph\n", "flow.py": COMPILED}

        assert project({"agent": "./agent.py:graph"}, files)["agent"].error is None

    async def test_the_agents_folder_comes_last_on_the_import_path(self, project, tmp_path):
        project({"agent": "./json.py:graph"}, {"json.py": COMPILED})

        assert sys.path[-1] == str(tmp_path)

    async def test_without_a_variable_a_compiled_graph_goes_before_a_state_graph(self, project):
        text = AGENT + "zz = builder.compile(name='the compiled one')\n"

        specs = project({"agent": "./agent.py"}, {"agent.py": text})

        assert await name_of(specs["agent"]) == "the compiled one"

    async def test_a_file_of_two_graphs_is_executed_once(self, project):
        text = COMPILED + "import os\nos.environ['RUNS'] = os.environ.get('RUNS', '') + 'x'\n"

        project({"a": "./agent.py:graph", "b": "./agent.py:builder"}, {"agent.py": text})

        assert os.environ["RUNS"] == "x"

    async def test_a_file_is_a_module_named_as_the_server_names_it(self, project):
        project({"agent": "./my agents/agent.py:graph"}, {"my agents/agent.py": COMPILED})

        assert "__my_agents__agent" in sys.modules

    def test_a_description_is_kept(self, project):
        entry = {"path": "./agent.py:graph", "description": "Says hello."}

        specs = project({"a": entry, "b": "./agent.py:graph"}, {"agent.py": COMPILED})

        assert {name: spec.description for name, spec in specs.items()} == {
            "a": "Says hello.",
            "b": None,
        }


class TestEnvironment:
    def test_an_object_goes_over_what_is_there(self, project):
        os.environ["CITY"] = "Oslo"

        project({"agent": "./agent.py:graph"}, {"agent.py": COMPILED}, env={"CITY": "Lisbon"})

        assert os.environ["CITY"] == "Lisbon"

    def test_a_file_is_read_before_the_agents_are_imported(self, project):
        text = COMPILED + "import os\nassert os.environ['CITY'] == 'New York'\n"
        files = {"agent.py": text, ".env": "# where\nexport CITY='New York'\nUNSET\n"}

        specs = project({"agent": "./agent.py:graph"}, files, env=".env")

        assert specs["agent"].error is None
        assert "UNSET" not in os.environ

    def test_a_missing_file_is_reported_and_the_agents_are_loaded(self, project, caplog):
        specs = project({"agent": "./agent.py:graph"}, {"agent.py": COMPILED}, env=".env")

        assert specs["agent"].error is None
        assert "there is no env file" in caplog.text


RUNTIME = "threads.create_run {'vip': True}"
FACTORIES = {
    "nothing": ("def make(): return graph", "agent"),
    "state graph": ("def make(): return builder", "agent"),
    "config": ("def make(config): return named(config)", "Fernwood"),
    "annotated config": ("def make(config: RunnableConfig): return named(config)", "Fernwood"),
    "unknown annotation": ("def make(config: 'Settings'): return named(config)", "Fernwood"),
    "coroutine": ("async def make(config): return named(config)", "Fernwood"),
    "context manager": (
        "@contextlib.contextmanager\ndef make(config): yield named(config)",
        "Fernwood",
    ),
    "async context manager": (
        "@contextlib.asynccontextmanager\nasync def make(config): yield named(config)",
        "Fernwood",
    ),
    "runtime": ("def make(runtime: ServerRuntime): return told(runtime)", RUNTIME),
    "runtime of a context": ("def make(rt: ServerRuntime[dict]): return told(rt)", RUNTIME),
    "both": ("def make(c: RunnableConfig, rt: ServerRuntime): return told(rt)", RUNTIME),
    "both, other order": ("def make(rt: 'ServerRuntime', c): return told(rt)", RUNTIME),
}
FACTORY_MODULE = (
    COMPILED
    + """
import contextlib
from langchain_core.runnables import RunnableConfig
from langgraph_sdk.runtime import ServerRuntime

def named(config):
    return builder.compile(name=config["configurable"]["customer"])

def told(runtime):
    execution = runtime.execution_runtime
    told = f"{runtime.access_context} {execution.context if execution else None}"
    return builder.compile(name=told)

"""
)


class TestFactories:
    @pytest.mark.parametrize("kind", FACTORIES)
    async def test_each_kind_makes_the_graph_of_a_run(self, project, kind):
        factory, expected = FACTORIES[kind]
        specs = project({"agent": "./agent.py:make"}, {"agent.py": FACTORY_MODULE + factory})
        assert specs["agent"].error is None
        config = {"configurable": {"customer": "Fernwood"}}

        async with specs["agent"].open(config, context={"vip": True}) as graph:
            result = await graph.ainvoke({"messages": []})
            assert graph.name == expected

        assert [message.text for message in result["messages"]] == ["Hello"]

    async def test_a_factory_is_told_that_it_is_only_looked_at(self, project):
        text = FACTORY_MODULE + FACTORIES["runtime"][0]
        specs = project({"agent": "./agent.py:make"}, {"agent.py": text})

        assert await name_of(specs["agent"], access="assistants.read") == "assistants.read None"

    async def test_a_factory_is_called_for_each_run_and_left_after_it(self, project):
        text = COMPILED + dedent("""
            import contextlib
            log = []

            @contextlib.asynccontextmanager
            async def make():
                log.append("opened")
                try:
                    yield graph
                finally:
                    log.append("closed")
            """)
        specs = project({"agent": "./agent.py:make"}, {"agent.py": text})
        log = sys.modules["__agent"].log

        assert log == []
        await name_of(specs["agent"])
        async with specs["agent"].open({}):
            assert log == ["opened", "closed", "opened"]
        assert log == ["opened", "closed", "opened", "closed"]

    async def test_what_the_run_raises_is_not_the_factorys_fault(self, project):
        text = COMPILED + "def make(): return graph"
        specs = project({"agent": "./agent.py:make"}, {"agent.py": text})

        with pytest.raises(KeyError, match="mine"):
            async with specs["agent"].open({}):
                raise KeyError("mine")

    @pytest.mark.parametrize(
        ("factory", "message"),
        [
            ("def make(): raise OSError('no database')", "the factory raised OSError: no database"),
            ("def make(): return 7", "7 is not a graph"),
        ],
    )
    async def test_a_failing_factory_names_the_agent(self, project, tmp_path, factory, message):
        specs = project({"agent": "./agent.py:make"}, {"agent.py": factory})

        with pytest.raises(GraphLoadError) as caught:
            await name_of(specs["agent"])
        assert str(caught.value).startswith(f"agent 'agent' ({tmp_path}/agent.py:make): {message}.")

    @pytest.mark.parametrize(
        "signature", ["config, options", "a, b, c", "a: ServerRuntime, b: ServerRuntime"]
    )
    def test_a_signature_that_the_server_does_not_know(self, project, signature):
        text = FACTORY_MODULE + f"def make({signature}): return graph\n"

        error = broken(project({"agent": "./agent.py:make"}, {"agent.py": text}))

        assert "no graph factory: it takes (" in error.problem


class TestCheckpointer:
    @pytest.mark.parametrize("variable", ["graph", "make"])
    async def test_a_checkpointer_of_its_own_is_reported_once(self, project, caplog, variable):
        text = AGENT + dedent("""
            from langgraph.checkpoint.memory import InMemorySaver
            graph = builder.compile(checkpointer=InMemorySaver())
            def make(): return graph
            """)
        specs = project({"agent": f"./agent.py:{variable}"}, {"agent.py": text})

        with caplog.at_level(logging.WARNING):
            await name_of(specs["agent"])
            await name_of(specs["agent"])

        assert [record.getMessage() for record in caplog.records] == [
            "agent 'agent' is compiled with its own InMemorySaver, which is not used: "
            "the console keeps the checkpoints. Compile the graph without a checkpointer."
        ]

    async def test_the_caller_can_override_it(self, project):
        text = AGENT + dedent("""
            from langgraph.checkpoint.memory import InMemorySaver
            graph = builder.compile(checkpointer=InMemorySaver())
            """)
        specs = project({"agent": "./agent.py:graph"}, {"agent.py": text})
        saver = InMemorySaver()
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}

        async with specs["agent"].open(config) as graph:
            await graph.copy(update={"checkpointer": saver}).ainvoke({"messages": []}, config)
            assert [state async for state in graph.aget_state_history(config)] == []
        assert saver.get_tuple(config) is not None


class TestErrors:
    @pytest.mark.parametrize(
        ("path", "text", "problem", "remedy"),
        [
            ("./gone.py:graph", COMPILED, "there is no such file", "Correct the path in "),
            ("./agent.py:grahp", COMPILED, "it has no variable 'grahp'", "Name one of graph, "),
            ("./agent.py:graph", "", "it has no variable 'graph'", "Name a graph or a factory"),
            ("./agent.py", "", "it holds no graph", "Name the function that makes one, "),
            ("./agent.py:graph", "graph = {}", "{} is not a graph", "Give a compiled "),
            ("./agent.py:graph", "1 / 0", "raised ZeroDivisionError: division by zero ", "Correct"),
            ("./agent.py:graph", "raise SystemExit", "raised SystemExit while ", "Correct"),
            ("./agent.py:graph", "a b", "raised SyntaxError: invalid syntax ", "Correct"),
            ("./agent.py:graph", "import no_such_thing", "cannot be imported: ", "Install the "),
            ("no.such.module:graph", "", "cannot be imported: ModuleNotFoundError", "Install the "),
            ("./agent.py:builder", AGENT + "builder = StateGraph(dict)", "does not compile: ", ""),
            (7, "", "its path is 7", 'Write "./agent.py:graph" or "package.module:graph" in '),
            ("", "", "its path is ''", "Write "),
            ({"description": "x"}, "", "its path is None", "Write "),
        ],
    )
    def test_a_bad_graph_says_why_and_what_to_do(self, project, path, text, problem, remedy):
        error = broken(project({"agent": path}, {"agent.py": text}))

        assert error.problem.startswith(problem)
        assert error.remedy.startswith(remedy)

    def test_only_python_files_are_graphs(self, project):
        error = broken(project({"agent": "./agent.ts:graph"}, {"agent.ts": ""}))

        assert error.problem == "this is not a Python file"

    def test_the_message_names_agent_file_problem_and_remedy(self, project, tmp_path):
        error = broken(project({"agent": "./gone.py:graph"}))

        assert str(error) == (
            f"agent 'agent' ({tmp_path}/gone.py:graph): there is no such file. "
            f"Correct the path in {tmp_path}/langgraph.json."
        )

    async def test_a_bad_graph_leaves_the_others_alone(self, project):
        graphs = {"bad": "./bad.py:graph", "good": "./good.py:graph", "gone": "./gone.py:graph"}

        specs = project(graphs, {"bad.py": "1 / 0", "good.py": COMPILED})

        assert {name: spec.error is None for name, spec in specs.items()} == {
            "bad": False,
            "good": True,
            "gone": False,
        }
        assert await name_of(specs["good"]) == "good"

    async def test_a_bad_graph_cannot_be_opened(self, project):
        specs = project({"agent": "./gone.py:graph"})

        with pytest.raises(GraphLoadError) as caught:
            await name_of(specs["agent"])
        assert caught.value is specs["agent"].error

    def test_a_module_that_failed_is_not_kept(self, project):
        project({"agent": "./agent.py:graph"}, {"agent.py": "1 / 0"})

        assert "__agent" not in sys.modules


class TestConfigurationErrors:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "is not JSON: "),
            ("[]", "names no graphs"),
            ("{}", "names no graphs"),
            ('{"graphs": {}}', "names no graphs"),
            ('{"graphs": {"a": "./a.py:g"}, "dependencies": "."}', "dependencies is '.'"),
            ('{"graphs": {"a": "./a.py:g"}, "env": {"N": 1}}', "env is {'N': 1}"),
        ],
    )
    def test_the_file_as_a_whole_is_refused(self, tmp_path, text, problem):
        path = tmp_path / "langgraph.json"
        path.write_text(text)

        with pytest.raises(GraphLoadError) as caught:
            load(path)
        assert caught.value.agent is None
        assert caught.value.where == str(path)
        assert caught.value.problem.startswith(problem)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(GraphLoadError, match="cannot be read: No such file or directory"):
            load(tmp_path / "langgraph.json")
