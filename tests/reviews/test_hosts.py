"""Hosts that are not what they seem."""
# ruff: noqa: RUF001  # ambiguous characters are the matter of this module

import pytest

from agents.reviews.hosts import named, of_url, suspects


def told(text):
    return [(text[found.start : found.end], found.warning) for found in suspects(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://paypal.com/a?b=c", []),
        ("mail bob@example.com", []),
        ("https://пример.рф, почта@пример.рф, https://例え.テスト.jp", []),
        ("A full stop.Without a blank. Müller.Er, тест.рф", []),
        ("обычный текст без хостов", []),
        (
            "https://раураl.com/",
            [("раураl.com", "mixes Cyrillic and Latin, reads like paypal.com")],
        ),
        ("go to аррӏе.com now", [("аррӏе.com", "reads like apple.com")]),
        ("bob@exämple.com", [("exämple.com", "reads like example.com")]),
        ("https://ｐaypal。com", [("ｐaypal。com", "reads like paypal.com")]),
        (
            "XN--80AK6AA92E.com",
            [("XN--80AK6AA92E.com", "punycode for аррӏе.com, reads like apple.com")],
        ),
        (
            "a@xn--mnchen-3ya.de",
            [("xn--mnchen-3ya.de", "punycode for münchen.de, reads like munchen.de")],
        ),
        ("xn--e1afmkfd.xn--p1ai", [("xn--e1afmkfd.xn--p1ai", "punycode for пример.рф")]),
        ("http://xn--/", [("xn--", "punycode that means nothing")]),
        ("xn--zzzzzz99999.com", [("xn--zzzzzz99999.com", "punycode that means nothing")]),
        ("https://paypal.com@evil.com/", [("paypal.com", "a user name, not the host")]),
        ("https://a:b@c@evil.com", [("a:b@c", "a user name, not the host")]),
    ],
)
def test_what_is_told(text, found):
    assert told(text) == found


def test_so_many_suspects_are_enough():
    assert len(told("xn--a.com " * 2000)) == 500


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("Pay at www.PayPal.com or ebay.com", {"paypal.com", "ebay.com"}),
        ("version 1.2.3, e.g. this", set()),
        ("https://localhost:8000/x", set()),
    ],
)
def test_the_hosts_a_text_names(text, hosts):
    assert named(text) == hosts


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.com:8443/a@b", "example.com"),
        ("https://paypal.com@evil.com", "evil.com"),
        ("mailto:bob@example.com?subject=a@b.c", "example.com"),
        ("http://[nonsense", ""),
    ],
)
def test_the_host_of_a_url(url, host):
    assert of_url(url) == host
