#!/usr/bin/env python
"""The operator's door: `python manage.py help` lists the commands."""

import importlib
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reviewconsole.settings")
    try:
        importlib.import_module(settings)
    except ImproperlyConfigured as error:
        # A setting is wrong: its message says all there is to say, a traceback would hide it.
        sys.exit(f"manage.py: {error}")
    execute_from_command_line(sys.argv)
