"""The project's own source, as the rules read it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Module:
    """A Python file of the project and the name it is imported by."""

    path: Path
    name: str

    @property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text()

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of its syntax tree."""
        return ast.walk(ast.parse(self.text))

    def imports(self) -> set[str]:
        """The full names of all modules it imports, wherever in the file.

        `from agents import push` counts as `agents.push` if that is a module.
        """
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        names: set[str] = set()
        for node in self.nodes():
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                parent = package.split(".")[: -(node.level - 1) or None] if node.level else []
                origin = ".".join([*parent, *([node.module] if node.module else [])])
                inside = {f"{origin}.{alias.name}" for alias in node.names}
                names |= {name for name in inside if is_module(name)} or {origin}
        return names


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """The Python files below `folders`, without migrations: those are written by Django."""
    return tuple(
        Module(path, module_name(path))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    )


def module_name(path: Path) -> str:
    """The dotted name of the module in `path`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def is_module(name: str) -> bool:
    """Whether the project has a module or a package of this name."""
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def templates() -> list[Path]:
    """The project's templates."""
    return sorted((ROOT / "templates").rglob("*.html"))
