"""The colours: every text stands out from what it lies on, in both themes (WCAG 2.2 AA)."""

import re

import pytest
from django.conf import settings

CSS = (settings.BASE_DIR / "static/css/tokens.css").read_text()
TEXT, SHAPE = 4.5, 3.0  # contrast that AA asks for: of text, and of the edges of controls
SURFACES = ("surface", "surface-sunken", "surface-raised", "surface-hover", "surface-selected")
MEANINGS = ("waiting", "applied", "rejected", "failed")
PAIRS = [
    *((text, under, TEXT) for text in ("text", "text-soft", "text-softer") for under in SURFACES),
    *(("accent", under, TEXT) for under in SURFACES),
    *(
        (meaning, under, TEXT)
        for meaning in MEANINGS
        for under in (f"{meaning}-surface", "surface", "surface-raised")
    ),
    *(("text", f"{meaning}-surface", TEXT) for meaning in MEANINGS),
    *(("on-fill", fill, TEXT) for fill in ("accent-fill", "accent-fill-hover")),
    *(("on-fill", fill, TEXT) for fill in ("rejected-fill", "rejected-fill-hover")),
    ("text", "added-surface", TEXT),
    ("text", "removed-surface", TEXT),
    ("applied", "added-surface", TEXT),
    ("rejected", "removed-surface", TEXT),
    *(("border-control", u, SHAPE) for u in ("surface", "surface-sunken", "surface-raised")),
    *(("focus", under, SHAPE) for under in SURFACES),
]


def colours(theme: int) -> dict[str, str]:
    """The colours by role: in theme 0, the light one, or in theme 1."""
    both = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
    same = re.findall(r"--([\w-]+): (#\w{6});", CSS)
    return {name: pair[theme] for name, *pair in both} | dict(same)


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(
        weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def contrast(one: str, other: str) -> float:
    """Contrast ratio, from 1 to 21."""
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast(theme: int):
    colour = colours(theme)
    poor = {
        f"{text} on {under}": round(ratio, 2)
        for text, under, least in PAIRS
        if (ratio := contrast(colour[text], colour[under])) < least
    }
    assert poor == {}
