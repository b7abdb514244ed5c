"""The forms of a page, as a browser without scripts would send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

Attributes = list[tuple[str, str | None]]


@dataclass
class Form:
    """A form: where it goes, and what it would send if nobody touched it."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, changes: Mapping[str, str]) -> list[tuple[str, str]]:
        """The fields after a person has changed some by name."""
        kept = [(name, value) for name, value in self.fields if name not in changes]
        return kept + list(changes.items())


def forms(page: str) -> list[Form]:
    """Every form of a page, in order."""
    reader = _Reader()
    reader.feed(page)
    return reader.found


class _Reader(HTMLParser):
    """Collects what is in the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._inside: Form | None = None
        self._by_id: dict[str, Form] = {}
        self._textarea: tuple[Form, str] | None = None
        self._text = ""
        self._select: tuple[Form, str] | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = Form(given.get("action", ""))
            self.found.append(self._inside)
            self._by_id[given.get("id", "")] = self._inside
            return
        if tag == "option" and self._select:
            self._options.append((given.get("value", ""), "selected" in given))
        form = self._by_id.get(given["form"]) if "form" in given else self._inside
        if form is None or not given.get("name") or "disabled" in given:
            return
        if tag == "input":
            self._input(form, given)
        elif tag == "textarea":
            self._textarea, self._text = (form, given["name"]), ""
        elif tag == "select":
            self._select, self._options = (form, given["name"]), []

    def _input(self, form: Form, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        if kind not in ("submit", "button", "file"):
            form.fields.append((given["name"], given.get("value", "")))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._inside = None
            case "textarea" if self._textarea:
                form, name = self._textarea
                form.fields.append((name, self._text.removeprefix("\n")))
                self._textarea = None
            case "select" if self._select:
                form, name = self._select
                chosen = [value for value, selected in self._options if selected]
                first = [value for value, _selected in self._options[:1]]
                form.fields += [(name, value) for value in (chosen or first)[-1:]]
                self._select = None
