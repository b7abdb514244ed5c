"""The live line of a thread: what its run is at."""

import re
from typing import Any

from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from agents.live import Topic, Viewer, render
from agents.services import progress
from reviewconsole.protocol import messages
from tests.factories import connect_runner, finish, start_run, take


def shown(user: User, thread: int) -> str:
    drawn = render(Topic("progress", thread), Viewer.of(user, "ws://console"))
    return re.sub(r"</?bdi>", "", " ".join(drawn["thread-progress"].split()))


def test_nodes_step_and_words_while_it_runs(olga: User) -> None:
    runner, run = connect_runner(), start_run()
    lease = take(run, runner)
    assert shown(olga, run.thread_id) == '<div id="thread-progress"> </div>'

    said: Any = {"step": 4, "nodes": ("model", "<b>:tools"), "text": "I shall <i>now\u202e"}
    progress.report(runner=runner, request=messages.Progress(lease, **said))
    html = shown(olga, run.thread_id)
    assert "Step 4: <strong>model</strong>, <strong>&lt;b&gt;:tools</strong>" in html
    assert "I shall &lt;i&gt;now" in html
    assert "\u202e" not in html

    progress.report(runner=runner, request=messages.Progress(lease, None, (), ""))
    html = shown(olga, run.thread_id)
    assert "Next step" in html
    assert "is writing" not in html

    finish(run)
    assert shown(olga, run.thread_id) == '<div id="thread-progress"> </div>'


def test_it_is_light(olga: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    run = start_run()
    olga.get_all_permissions()
    with django_assert_num_queries(2):
        shown(olga, run.thread_id)
