"""The environment of a process that runs agents."""

import os

# What opens the database, signs a session or speaks to other consoles. An agent with one of these
# could approve itself.
SECRETS = frozenset({"DATABASE_URL", "METRICS_TOKEN", "PGPASSWORD", "REDIS_URL", "SECRET_KEY"})


def for_agents() -> dict[str, str]:
    """The variables of this process, without the secrets of the console."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}
