"""The settings of a test run: the product's own, whatever the shell or the machine has set.

`DATABASE_URL` alone is taken over: the whole suite runs on SQLite and on PostgreSQL.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DATA = Path(tempfile.mkdtemp(prefix="reviewconsole-"))
atexit.register(shutil.rmtree, DATA, ignore_errors=True)

for line in (Path(__file__).parent.parent / ".env.example").read_text().splitlines():
    name, equals, _ = line.lstrip("# ").partition("=")
    if equals and name.isupper() and name != "DATABASE_URL":
        os.environ.pop(name, None)
os.environ.update(DATA_DIR=str(DATA), HTTPS="0", SECRET_KEY="only-for-tests-" * 4)

from reviewconsole.settings import *  # noqa: E402, F403
from reviewconsole.settings import DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

# A test shares its database with its threads and its console, which memory alone cannot do.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATABASES["default"]["NAME"])}
# Templates name static files; nothing collects them for a test.
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
STATIC_ROOT.mkdir()
# Slow on purpose is right for people and wrong for a thousand logins a minute.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
