"""Names say what a thing is, and files stay short enough to be read."""

from django.urls import URLPattern, get_resolver

from tests.repository.source import ROOT, modules

SAYS_NOTHING = {"base", "common", "core", "helpers", "misc", "util", "utils"}
LONGEST, LONGEST_TEST = 400, 600  # lines

SOURCES = modules("agents", "examples", "reviewconsole", "tests")


def test_a_module_is_named_after_what_is_in_it() -> None:
    vague = [
        module.name
        for module in SOURCES
        if SAYS_NOTHING & set(module.name.split(".")) or module.name.endswith("_service")
    ]
    assert vague == []


def test_files_are_short() -> None:
    long = {
        module.name: lines
        for module in SOURCES
        if (lines := module.text.count("\n"))
        > (LONGEST_TEST if module.name.startswith("tests.") else LONGEST)
    }
    assert long == {}


def own_patterns() -> list[URLPattern]:
    """The URLs of the product, without the Django admin's and those of signing in."""
    return [
        pattern
        for pattern in get_resolver("agents.urls").url_patterns
        if isinstance(pattern, URLPattern)
    ]


def test_a_url_is_named_after_its_view() -> None:
    names = {pattern.name: pattern.callback.__name__ for pattern in own_patterns()}
    assert names == {name: str(name).replace("-", "_") for name in names}


def test_a_page_is_named_after_its_view() -> None:
    views = {pattern.callback.__name__ for pattern in own_patterns()}
    pages = {path.stem for path in (ROOT / "templates" / "agents").glob("[!_]*.html")}
    assert pages - views == set()
