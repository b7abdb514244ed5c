"""What a browser posts of a form that is drawn as `agents.reviews.fields` says."""

from __future__ import annotations

from collections.abc import Mapping

from agents.reviews.fields import Field, Kind, State


def submitted(form: Field, typed: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """The post of a form in which some inputs were changed, by name."""
    post: dict[str, list[str]] = {}
    _collect(form, post)
    return {**post, **{name: [text] for name, text in (typed or {}).items()}}


def _collect(field: Field, post: dict[str, list[str]]) -> None:
    if field.base:
        post[field.base_name] = [field.base]
    if len(field.states) > 1:
        post[field.state_name] = [field.state]
        post[field.was_name] = [field.state]
    match field.kind:
        case Kind.CONST:
            pass
        case Kind.CHOICE:
            post[field.name] = [choice.key for choice in field.choices if choice.selected]
        case Kind.OBJECT | Kind.ARRAY:
            if field.kind is Kind.ARRAY and field.state is State.VALUE:
                post[field.item_name] = ["", *(child.key for child in field.fields)]
            for child in field.fields:
                _collect(child, post)
        case Kind.LONG_TEXT | Kind.JSON:
            post[field.input_name] = [_textarea(field.text)]
        case _:
            post[field.input_name] = [_input(field.text)]


def _textarea(text: str) -> str:
    """HTML makes every line end CRLF, and cannot hold NUL."""
    lines = text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    return _encodable(lines.replace("\n", "\r\n"))


def _input(text: str) -> str:
    """A line has no line ends at all."""
    return _encodable(text.replace("\0", "\ufffd").replace("\r", "").replace("\n", ""))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
