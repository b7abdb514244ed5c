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


SHOWN = {"visible", "visible_text", "visible_block", "agent_markdown", "hidden_note", "who"}
"""Filters after which nothing that others wrote can hide."""

SAFE = {"add", "bytesize", "floatformat", "lasted", "left_out", "length", "pluralize", "took"}
"""Filters that leave numbers, whatever comes in."""

OWN = {
    *("actions", "active", "attempt", "capacity", "console", "count", "counter", "earlier"),
    *(
        "fingerprint",
        "get_status_display",
        "get_trigger_display",
        "in_hand",
        "kind",
        "number",
        "pk",
        "position",
    ),
    *("run_id", "runners", "running", "size", "state", "status", "type", "waiting", "word"),
    "words",
}
"""The last names of expressions that are the console's own words and numbers."""

EXPRESSION = re.compile(r"\{\{\s*(?P<expression>[^}|]+)(?P<filters>(?:\|[^}]*)?)\}\}")
# What a page says is between the tags and in these attributes. A field holds the text itself.
UNSAID = re.compile(
    r"""\b(?!title|placeholder|aria-label|alt)[\w:-]+="[^"]*"|<textarea\b[^>]*>[^<]*</textarea>"""
)
EXCEPTIONS = {
    "base.html": {"user.get_short_name", "user.groups.all"},  # an admin named them
    "403.html": {"request.user.get_username"},
    "agents/live/interrupt_receipt.html": {"step.name"},
    # What the checks and the console are called.
    "agents/status.html": {
        "broken",
        "database",
        "hop.milliseconds",
        "hop.name",
        "hop.purpose",
        "version",
    },
    "registration/login.html": {"form.non_field_errors.0"},  # Django's own words
}


def bare(template: Path) -> set[str]:
    """The expressions of a template that print what others may have written, as it is."""
    found = set()
    for match in EXPRESSION.finditer(UNSAID.sub("", template.read_text())):
        expression = match["expression"].strip()
        filters = {part.partition(":")[0].strip() for part in match["filters"].split("|")}
        if not (filters & (SHOWN | SAFE) or expression.rpartition(".")[2] in OWN):
            found.add(expression)
    return found - EXCEPTIONS.get(str(template.relative_to(ROOT / "templates")), set())


@pytest.mark.parametrize(
    "template", templates(), ids=lambda path: str(path.relative_to(ROOT / "templates"))
)
def test_what_others_wrote_is_made_visible(template: Path) -> None:
    assert bare(template) == set(), "show it with visible, visible_text or agent_markdown"


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
        "agents.consumers.audience": ["SafeString(html)"],  # a fragment, drawn by its template
        # The only places that escape by themselves; tests/reviews/test_markup.py attacks them.
        "agents.templatetags.console": [
            "SafeString(markup.inline(str(text)))",
            "SafeString(markup.block(str(text)))",
            "SafeString(markup.hidden_note(str(text)))",
        ],
    }
