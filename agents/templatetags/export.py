"""Parts of a page that is saved as a file and read without the console."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@cache
def _style() -> str:
    return (Path(settings.BASE_DIR) / "static" / "css" / "export.css").read_text()


@register.simple_tag
def own_style() -> SafeString:
    """The style sheet of exports, in the file itself, and a policy that allows nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return format_html(
        '<meta http-equiv="Content-Security-Policy" content="{}">\n<style>{}</style>',
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        _style(),  # it has nothing that an escape would change
    )


@register.simple_tag
def moment(when: datetime | None) -> SafeString:
    """Say when something was; a file is read at any later time."""
    if when is None:
        return SafeString("")
    at = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        at.isoformat(timespec="seconds"),
        at.strftime("%-d %B %Y, %H:%M:%S UTC"),
    )
