"""The form of a log record."""

import logging


class LineFormatter(logging.Formatter):
    """Writes a record, its traceback included, on one line.

    A message can hold text that an agent or a visitor chose: with its line breaks escaped, nobody
    can forge a record, and every line can be searched and counted.
    """

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
