"""Tool names that pass for another."""
# ruff: noqa: RUF001  # ambiguous characters are the matter of this module

import pytest

from agents.reviews.confusables import reads_as
from agents.reviews.look_alikes import look_alike

TOOLS = ["send_email", "close", "modern"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("send_email", None),
        ("send_emails", None),
        ("refund", None),
        ("", None),
        ("___", None),
        ("ѕend_email", "send_email"),  # Cyrillic
        ("send_emaiI", "send_email"),  # a capital i
        ("send_ema1l", "send_email"),
        ("Send-Email", "send_email"),
        ("sendEmail", "send_email"),
        ("send_email ", "send_email"),
        ("send\u200b_email", "send_email"),
        ("ｓｅｎｄ_ｅｍａｉｌ", "send_email"),
        ("𝐬𝐞𝐧𝐝_𝐞𝐦𝐚𝐢𝐥", "send_email"),
        ("sénd_email", "send_email"),
        ("dose", "close"),
        ("rnodern", "modern"),
    ],
    ids=ascii,
)
def test_look_alikes(name, other):
    assert look_alike(name, TOOLS) == other


def test_a_known_tool_may_look_like_another():
    assert look_alike("get_item_l", ["get_item_1", "get_item_l"]) == "get_item_1"


def test_nothing_looks_like_another_where_nothing_is_known():
    assert look_alike("send_email", []) is None


@pytest.mark.parametrize(
    ("text", "reading"),
    [("РауРаӏ", "paypal"), ("ΑΒΕ", "abe"), ("Größe", "grosse"), ("日本", "日本"), ("жук", "жyk")],
)
def test_readings(text, reading):
    assert reads_as(text) == reading
