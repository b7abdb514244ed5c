"""All settings. The only module that reads the environment.

Every variable is listed in `.env.example` and explained in `docs/operations.md`. An empty variable
counts as unset. A value that cannot be used stops the process, with its name and the remedy.
"""

import os
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent


def text(name: str, default: str = "") -> str:
    """Return the variable `name`, or `default` if it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """Return the variable `name`, written 1 or 0."""
    match text(name):
        case "":
            return default
        case "1":
            return True
        case "0":
            return False
        case value:
            raise ImproperlyConfigured(f"{name}={value!r} is not a switch: write 1 or 0.")


def number(name: str, default: int, *, lowest: int = 1, highest: int | None = None) -> int:
    """Return the variable `name` as an integer between `lowest` and `highest`."""
    value = text(name, str(default))
    bounds = f"from {lowest} to {highest}" if highest is not None else f"of at least {lowest}"
    try:
        result = int(value)
    except ValueError:
        result = lowest - 1
    if result < lowest or (highest is not None and result > highest):
        raise ImproperlyConfigured(f"{name}={value!r} does not fit: write a whole number {bounds}.")
    return result


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    """Return the variable `name`, one of `choices`."""
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(
            f"{name}={value!r} is unknown: write one of {', '.join(choices)}."
        )
    return value


def listed(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return the variable `name`, a list separated by commas."""
    return [item.strip() for item in text(name).split(",") if item.strip()] or list(default)


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Return the variable `name`, a list of addresses and networks separated by commas."""
    try:
        return [ip_network(item) for item in listed(name)]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} holds what is no network ({error}): write such as 10.1.0.0/16,127.0.0.1."
        ) from None


# How long a request waits for the database before it is told so: for SQLite's one write lock, or a
# connection of PostgreSQL's pool.
DATABASE_WAIT_SECONDS = number("DATABASE_WAIT_SECONDS", 10)


def kept_secret(path: Path) -> str:
    """Return the secret kept in `path`. It is made on first use; of several processes one wins."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(get_random_secret_key())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def sqlite(path: Path) -> dict[str, Any]:
    """Return the settings of the embedded database: durable, and its writers queue, not fail."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        # Opening the file anew for each request costs more than most requests do.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A transaction that begins as a reader fails at once when it turns into a writer beside
            # another one, whatever the timeout; IMMEDIATE makes it wait its turn.
            "transaction_mode": "IMMEDIATE",
            "timeout": DATABASE_WAIT_SECONDS,
            # FULL: an acknowledged checkpoint survives a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


POOL = {
    "min_size": 1,
    "max_size": 10,
    "timeout": DATABASE_WAIT_SECONDS,  # for a connection
    # Whoever needs a connection then tries anew, and finds a server that has come back; within this
    # time the pool itself tries ever more rarely.
    "reconnect_timeout": 2,  # seconds
}


def postgresql(url: str) -> dict[str, Any]:
    """Return the settings of the PostgreSQL database at `url`, with a pool of connections.

    Whatever libpq knows may stand in it: `?host=/run/postgresql` (a unix socket), `?sslmode=…`.
    """
    from psycopg import ProgrammingError  # noqa: PLC0415 -- not needed, and slow, on SQLite
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        options: dict[str, Any] = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL cannot be read ({error}): write postgresql://user:password@host:5432/name."
        ) from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": options.pop("dbname", ""),
        "USER": options.pop("user", ""),
        "PASSWORD": options.pop("password", ""),
        "HOST": options.pop("host", ""),
        "PORT": str(options.pop("port", "")),
        # The pool keeps the connections; Django refuses to keep them a second time.
        "CONN_MAX_AGE": 0,
        # One round trip a request: after a restart of PostgreSQL no page meets a dead connection.
        "CONN_HEALTH_CHECKS": True,
        # The checkpoint store's own statements are prepared; those of Django never are.
        "OPTIONS": {"prepare_threshold": 5, **options, "pool": POOL},
    }


def database(url: str) -> dict[str, Any]:
    """Return the settings of the database at `url`; if that is empty, of SQLite in `DATA_DIR`."""
    scheme = urlsplit(url).scheme
    if not url:
        return sqlite(DATA_DIR / "console.sqlite3")
    if scheme in {"postgresql", "postgres"}:
        return postgresql(url)
    # The URL itself is not repeated: it may hold a password.
    raise ImproperlyConfigured(
        f"DATABASE_URL begins with {scheme + ':' if scheme else 'no scheme'!r}: "
        "write postgresql://user:password@host:5432/name, or nothing for SQLite in DATA_DIR."
    )


# Modes. Without one of them this is production.
DEBUG = flag("DEBUG", default=False)
DEMO = flag("DEMO", default=False)
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]

# Where it listens and what it keeps.
HOST = text("HOST", "127.0.0.1")
PORT = number("PORT", 8000, highest=65535)
DATA_DIR = Path(text("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()

if DEMO and HOST not in {"127.0.0.1", "localhost"}:
    raise ImproperlyConfigured(
        f"DEMO=1 with HOST={HOST!r}: the passwords of the demo are known to everybody. "
        "Set HOST=127.0.0.1, or DEMO=0."
    )

# Secrets and names.
SECRET_KEY = text("SECRET_KEY")
if not SECRET_KEY:
    if not (DEBUG or DEMO):
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Set it to 50 or more random characters, the same for every "
            "process and start (`openssl rand -base64 48` prints some), or DEBUG=1 to develop."
        )
    SECRET_KEY = kept_secret(DATA_DIR / "secret-key")
ALLOWED_HOSTS = listed("ALLOWED_HOSTS", LOOPBACK)
CSRF_TRUSTED_ORIGINS = listed("CSRF_TRUSTED_ORIGINS")

# The product.
RUNNER_LEASE_SECONDS = number("RUNNER_LEASE_SECONDS", 30)
RUNNER_DISCONNECT_GRACE_SECONDS = number("RUNNER_DISCONNECT_GRACE_SECONDS", 5, lowest=0)
RUN_MAX_ATTEMPTS = number("RUN_MAX_ATTEMPTS", 5)
RUNNER_MAX_FRAME_BYTES = number("RUNNER_MAX_FRAME_BYTES", 64 * 1024 * 1024, lowest=1024 * 1024)
TOOL_DEFAULT = choice("TOOL_DEFAULT", "agent", ["agent", "always", "never"])
PAGE_REFRESH_SECONDS = number("PAGE_REFRESH_SECONDS", 30, highest=60)  # pages doubt longer silence

# Who may read `/metrics`, and the details of `/readyz`: nobody but these.
METRICS_TOKEN = text("METRICS_TOKEN")
METRICS_ALLOW = networks("METRICS_ALLOW")

# Django.
INSTALLED_APPS = [
    *(["daphne"] if DEBUG else []),  # `runserver` with websockets
    "channels",
    "csp",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "agents",  # last: its roles hand out the permissions that `migrate` makes for the others
]
MIDDLEWARE = [
    "agents.views.timing.timed",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "agents.views.access.behind_runners",  # not for static files
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # A view is for people who signed in, unless it says `login_not_required`.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "reviewconsole.urls"
ASGI_APPLICATION = "reviewconsole.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {"default": database(text("DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "reviewconsole.hints.PatientLayer",
            "CONFIG": {"hosts": [text("REDIS_URL")]},
        }
        if text("REDIS_URL")
        # Hints beyond the capacity are dropped without a word: leave room for a burst.
        else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}
    )
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
# Edited arguments come back as a form: a deep one has many fields, a long document many bytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# Static files: hashed and compressed by `collectstatic`; found where they lie in DEBUG and DEMO.
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG or DEMO
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or DEMO
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

# People.
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_ENGINE = "agents.sessions"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# The browser: nothing is loaded from elsewhere, nothing inline runs.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# Transport. Daphne speaks plain HTTP: a proxy in front ends TLS, and sets X-Forwarded-Proto itself.
HTTPS = flag("HTTPS", default=not (DEBUG or DEMO))
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # What watches a process asks it directly, past the proxy.
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Cookies do not know ports: a name of its own keeps another site on localhost from taking it over.
SESSION_COOKIE_NAME = "__Host-reviewconsole" if HTTPS else "reviewconsole"
CSRF_COOKIE_NAME = "__Host-reviewconsole-csrf" if HTTPS else "reviewconsole-csrf"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: the console does not speak for its neighbours
    "security.W021",  # HSTS preload: the same
]

# Logs, to standard error: one line a record, except where a person sits in front of them.
LOG_LEVEL = choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "logging.Formatter" if DEBUG or DEMO else "reviewconsole.log.LineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Its own handlers would say everything twice; its access log is the proxy's work.
        "django": {"handlers": [], "propagate": True},
        "daphne": {"level": "WARNING"},
    },
}
