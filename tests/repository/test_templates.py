"""What the Content-Security-Policy would stop is not written in the first place."""

import re
from pathlib import Path

import pytest

from tests.repository.source import ROOT, modules, templates

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


def test_nothing_is_declared_safe() -> None:
    """`format_html` escapes its arguments; `mark_safe` takes anybody's word."""
    trusting = [
        module.name
        for module in modules("agents", "reviewconsole")
        if re.search(r"\bmark_safe\b|\bSafeString\(", module.text)
    ]
    assert trusting == []
