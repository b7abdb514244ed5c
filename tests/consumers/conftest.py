"""The token with which the runner of a test connects."""

from collections.abc import AsyncIterator

import pytest
from channels.db import database_sync_to_async

from tests.consumers.runner_socket import let_writer_end
from tests.factories import RUNNER, make_token


@pytest.fixture
async def secret(transactional_db: None) -> AsyncIterator[str]:
    """The secret of that token; no connection of a writer outlives the test."""
    _token, secret = await database_sync_to_async(make_token)(RUNNER)
    yield secret
    await let_writer_end()
