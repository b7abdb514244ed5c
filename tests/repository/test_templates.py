"""What the Content-Security-Policy would stop is not written in the first place."""

import ast
import re
from pathlib import Path

import pytest

from tests.repository.source import ROOT, Module, modules, templates

FORBIDDEN = {
    "an inline script": r"<script(?![^>]*\bsrc=)[^>]*>",
    "an inline style sheet": r"<style\b",
    "an inline style": r"\sstyle\s*=",
    "an inline event handler": r"\son\w+\s*=",
    "a script of htmx, which needs eval": r"\shx-on\b|\bjs:",
    "a link that is a script": r"javascript:",
    "raw HTML": r"\|\s*safe\b|\bautoescape\s+off\b",
    "something from elsewhere": r"\b(?:src|action)\s*=\s*[\"'](?:https?:)?//",
}


@pytest.mark.parametrize(
    "template", templates(), ids=lambda path: str(path.relative_to(ROOT / "templates"))
)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_template_has_no(what: str, template: Path) -> None:
    assert re.findall(FORBIDDEN[what], template.read_text()) == []


def trusted(module: Module) -> list[str]:
    """The calls that declare a text safe which is neither written there nor a rendered template."""
    found = []
    for node in module.nodes():
        match node:
            case ast.Call(func=ast.Name(id="SafeString" | "mark_safe"), args=[text]):
                rendered = isinstance(text, ast.Call) and "render" in ast.unparse(text.func)
                if not rendered and not isinstance(text, ast.Constant):
                    found.append(ast.unparse(node))
    return found


def test_what_others_wrote_is_never_declared_safe() -> None:
    sources = modules("agents", "reviewconsole")
    assert {module.name: trusted(module) for module in sources if trusted(module)} == {
        "agents.consumers.console": ["SafeString(html)"],  # a fragment, drawn by its template
        # The only places that escape by themselves; tests/reviews/test_markup.py attacks them.
        "agents.templatetags.console": [
            "SafeString(markup.inline(str(text)))",
            "SafeString(markup.block(str(text)))",
        ],
    }
