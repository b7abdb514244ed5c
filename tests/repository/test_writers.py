"""Only services write models; every other module asks them to."""

import ast

import pytest

from tests.repository.source import Module, modules

WRITES = {
    "bulk_create",
    "bulk_update",
    "create",
    "delete",
    "get_or_create",
    "update",
    "update_or_create",
}
# Roles are Django's groups, mended at each migration.
WRITERS = ("agents.roles", "agents.services")


def writes(module: Module) -> list[str]:
    """The calls that write rows: `X.objects. … .update(…)`, `row.save()`, `row.delete()`."""
    found = []
    for node in module.nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=origin, attr=method)):
                through_manager = any(
                    isinstance(part, ast.Attribute) and part.attr == "objects"
                    for part in ast.walk(origin)
                )
                if (through_manager and method in WRITES) or method == "save":
                    found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "module",
    [module for module in modules("agents") if not module.name.startswith(WRITERS)],
    ids=lambda module: module.name,
)
def test_only_services_write_models(module: Module) -> None:
    assert writes(module) == []
