"""The form of a log record."""

import logging
import sys

from reviewconsole.log import LineFormatter


def test_a_record_is_one_line_whatever_it_says() -> None:
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        failure = sys.exc_info()
    record = logging.LogRecord(
        "agents", logging.ERROR, __file__, 1, "agent %s", ("evil\r\nINFO all is well",), failure
    )
    [line] = LineFormatter("{levelname} {name}: {message}", style="{").format(record).splitlines()
    assert line.startswith(
        "ERROR agents: agent evil\\r\\nINFO all is well\\nTraceback (most recent call last):\\n"
    )
    assert line.endswith("\\nValueError: line one\\nline two")
