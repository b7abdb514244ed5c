"""The page of one pause: reading it, trying a decision out, deciding, and what became of it."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from agents import precedence
from agents.models import Decision, Interrupt, Run
from agents.reviews import ActionDecision, DecisionType
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests import factories
from tests.factories import EMAIL, REFUND, breakpoint_before, decide, make_interrupt, tool_review

pytestmark = pytest.mark.django_db

HOSTILE = "invoice\u202etxt.exe\u200b"


def url(interrupt: Interrupt, name: str = "detail") -> str:
    return reverse(f"interrupt-{name}", args=[interrupt.pk])


def get(user: User, interrupt: Interrupt) -> str:
    """The page as this person sees it."""
    client = Client()
    client.force_login(user)
    response = client.get(url(interrupt))
    assert response.status_code == 200
    return unescape(response.content.decode())


def post(user: User, interrupt: Interrupt, name: str = "decide", **typed: str) -> Any:
    """Post the form of a pause with one question; `__` in a name stands for a dot.

    It carries the fingerprint that was shown.
    """
    client = Client()
    client.force_login(user)
    question = f"questions.{interrupt.position}"
    data = {f"{question}.fingerprint": interrupt.fingerprint}
    for key, text in typed.items():
        data[key if key == "op" else f"{question}.{key.replace('__', '.')}"] = text
    return client.post(url(interrupt, name), data)


def resuming(decision: Decision) -> Run:
    """The run that carries the decision to the agent."""
    assert decision.run is not None
    return decision.run


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


# Reading --------------------------------------------------------------------------------------


def test_the_page_shows_the_real_arguments_and_labels_what_the_agent_says(alice: User) -> None:
    page = get(alice, make_interrupt(tool_review(("refund", REFUND))))
    for shown in ("order", "8812", "amount", "120.0", "currency", "EUR"):
        assert f">{shown}<" in page
    says = page.index("The agent says")
    assert page.index("120.0") < says < page.index("Tool execution pending: refund")


def test_what_hides_in_an_argument_is_shown_as_an_escape(alice: User) -> None:
    page = get(alice, make_interrupt(tool_review(("delete_file", {"path": HOSTILE}))))
    assert "\u202e" not in page
    assert "\u200b" not in page
    assert 'title="hidden character: RIGHT-TO-LEFT OVERRIDE">U+202E</span>' in page


def test_markup_in_an_argument_is_text(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("send_email", EMAIL | {"body": "<img src=x>"})))
    client = Client()
    client.force_login(alice)
    assert b"<img" not in client.get(url(interrupt)).content


def test_buttons_say_the_verb_and_the_tool(alice: User) -> None:
    page = get(alice, make_interrupt(tool_review()))
    name = "<b><bdi>send_email</bdi></b>"
    for words in (f"Approve {name}", "Edit arguments", f"Answer for {name}", f"Reject {name}"):
        assert words in page


def test_only_what_is_allowed_is_offered(alice: User) -> None:
    page = get(alice, make_interrupt(tool_review(allowed=("approve", "reject"))))
    assert "Edit arguments" not in page
    assert "Answer for" not in page


def test_nothing_has_the_focus_and_enter_in_a_field_decides_nothing(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = get(alice, interrupt)
    assert "autofocus" not in page
    form = page[page.index('id="decide"') :]
    first = form[form.index('type="submit"') :]
    assert first.index(url(interrupt, "draft")) < first.index(">")


@pytest.mark.parametrize("person", ["olga", "ada"])
def test_others_than_reviewers_read_it_without_a_form(
    person: str, request: pytest.FixtureRequest
) -> None:
    page = get(request.getfixturevalue(person), make_interrupt(tool_review()))
    assert "alice@example.com" in page
    assert 'id="decide"' not in page
    assert "Reviewers decide this. Your role lets you read it." in page


def test_the_conversation_shows_the_latest_messages_and_folds_the_earlier_ones(
    alice: User,
) -> None:
    messages = [{"type": "human", "content": f"message {number}"} for number in range(7)]
    page = get(alice, make_interrupt(tool_review(), snapshot={"messages": messages}))
    assert "3 earlier messages" in page
    assert page.index("message 2") < page.index("</details>", page.index("message 2"))
    assert page.index("message 3") < page.index("message 6")


def test_the_state_of_an_older_pause_comes_from_the_store(alice: User) -> None:
    older = make_interrupt(
        tool_review(), snapshot={"messages": [{"type": "human", "content": "A"}]}
    )
    older.thread.snapshot_checkpoint_id = "later"
    older.thread.save()
    assert "state holds no messages." in get(alice, older)


def test_the_page_of_a_long_list_costs_as_many_queries_as_of_a_short_one(
    alice: User, django_assert_max_num_queries: Any
) -> None:
    calls = [("send_email", EMAIL)] * 9
    interrupt = make_interrupt(tool_review(*calls))
    client = Client()
    client.force_login(alice)
    with django_assert_max_num_queries(22):
        client.get(url(interrupt))


@pytest.mark.parametrize("pk", [4711, 2**63, 10**30])
def test_there_is_no_page_of_an_unknown_interrupt(alice: User, pk: int) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(f"/interrupts/{pk}/").status_code == 404
    for name in ("draft", "decide", "dismiss"):
        assert client.post(f"/interrupts/{pk}/{name}/", {"reason": "?"}).status_code == 404


# Deciding -------------------------------------------------------------------------------------


def test_approve_records_the_decision_and_leads_back_to_the_receipt(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    response = post(alice, interrupt, actions__0__type="approve")
    assert (response.status_code, response["Location"]) == (302, url(interrupt))
    decision = Decision.objects.get()
    assert decision.resume == {"decisions": [{"type": "approve"}]}
    page = get(alice, interrupt)
    assert 'id="decide"' not in page
    assert "<strong>alice</strong> <bdi>approved send_email</bdi>" in page


def test_a_script_is_told_where_the_receipt_is(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    client = Client()
    client.force_login(alice)
    question = {"questions.0.fingerprint": interrupt.fingerprint}
    scripted = {"HX-Request": "true"}
    form = {**question, "questions.0.actions.0.type": "approve"}
    refused = client.post(url(interrupt, "decide"), question, headers=scripted)
    assert (refused.status_code, refused.get("HX-Redirect")) == (422, None)
    taken = client.post(url(interrupt, "decide"), form, headers=scripted)
    assert (taken.status_code, taken["HX-Redirect"]) == (204, url(interrupt))
    assert (taken.content, taken.get("Location")) == (b"", None)
    again = client.post(url(interrupt, "decide"), form, headers=scripted)
    assert (again.status_code, again.get("HX-Redirect")) == (409, None)
    assert Decision.objects.count() == 1


def test_the_way_is_kept_free_for_the_run_that_a_decision_queues(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[int] = []
    monkeypatch.setattr(
        precedence.runners, "expect_agent", lambda: queued.append(Run.objects.count())
    )
    interrupt = make_interrupt(tool_review())
    for fingerprint in ("", interrupt.fingerprint, interrupt.fingerprint):
        post(alice, interrupt, actions__0__type="approve", fingerprint=fingerprint)
    assert queued == [2]


def test_reject_carries_the_reason(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    post(alice, interrupt, actions__0__type="reject", actions__0__reason="Wrong customer.")
    assert Decision.objects.get().resume == {
        "decisions": [{"type": "reject", "message": "Wrong customer."}]
    }
    assert "<strong>alice</strong>: " in get(alice, interrupt)


def test_respond_needs_words(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    refused = post(alice, interrupt, actions__0__type="respond", actions__0__reply="  ")
    assert refused.status_code == 422
    assert 'href="#questions.0.actions.0.reply"' in text_of(refused)
    assert not Decision.objects.exists()
    post(alice, interrupt, actions__0__type="respond", actions__0__reply="Sent by phone.")
    assert Decision.objects.get().resume == {
        "decisions": [{"type": "respond", "message": "Sent by phone."}]
    }


EDIT = {
    "actions__0__type": "edit",
    "actions__0__args__order": "8813",
    "actions__0__args__amount": "120.0",
    "actions__0__args__currency": "EUR",
}


def test_edit_sends_the_edited_arguments_and_shows_them_as_a_diff(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("refund", REFUND)))
    assert post(alice, interrupt, **EDIT).status_code == 302
    (sent,) = Decision.objects.get().resume["decisions"]
    assert sent["edited_action"] == {"name": "refund", "args": REFUND | {"order": 8813}}
    page = get(alice, interrupt)
    assert "<del><bdi>8812</bdi></del>" in page
    assert "<ins><bdi>8813</bdi></ins>" in page


def test_an_edit_that_cannot_be_used_comes_back_as_it_was_typed(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("refund", REFUND)))
    refused = post(alice, interrupt, **EDIT | {"actions__0__args__order": "88x"})
    page = text_of(refused)
    assert refused.status_code == 422
    assert 'value="88x"' in page
    assert '<a href="#questions.0.actions.0.args.order">' in page
    assert 'data-type="edit"' in page
    assert not Decision.objects.exists()


def test_an_edit_where_none_is_allowed_is_refused(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("refund", REFUND), allowed=("approve", "reject")))
    assert post(alice, interrupt, **EDIT).status_code == 422
    assert not Decision.objects.exists()


def test_a_button_of_a_field_is_no_decision_even_at_the_wrong_address(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("refund", REFUND)))
    response = post(alice, interrupt, **EDIT, op="json:questions.0.actions.0.args")
    assert response.status_code == 200
    assert 'name="questions.0.actions.0.args:json"' in text_of(response)
    assert not Decision.objects.exists()


def test_several_calls_are_decided_together_or_not_at_all(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("send_email", EMAIL), ("refund", REFUND)))
    half = post(alice, interrupt, actions__0__type="approve")
    assert half.status_code == 422
    assert "Decide on refund." in text_of(half)
    assert not Decision.objects.exists()
    post(alice, interrupt, actions__0__type="approve", actions__1__type="reject")
    assert Decision.objects.get().resume == {"decisions": [{"type": "approve"}, {"type": "reject"}]}


def test_a_question_is_answered_exactly_as_previewed(alice: User) -> None:
    interrupt = make_interrupt({"query": "Which expert?"})
    answer = {"actions__0__answer": "Ask Bob.", "actions__0__shape": "data"}
    assert '"data": "Ask Bob."' in text_of(post(alice, interrupt, "draft", **answer))
    post(alice, interrupt, **answer)
    assert Decision.objects.get().resume == {"data": "Ask Bob."}


def test_a_breakpoint_without_calls_is_passed(alice: User) -> None:
    value: Plain = {"breakpoint": "before", "nodes": ["publish"], "tool_calls": []}
    interrupt = make_interrupt(value, kind="breakpoint", node="publish")
    assert "Go on with <b><bdi>publish</bdi></b>" in get(alice, interrupt)
    post(alice, interrupt, actions__0__type="approve")
    assert Decision.objects.get().resume == {"calls": []}


def test_a_breakpoint_decides_each_call(alice: User) -> None:
    value = breakpoint_before(("send_email", EMAIL), ("refund", REFUND))
    interrupt = make_interrupt(value, kind="breakpoint")
    post(alice, interrupt, actions__0__type="approve", actions__1__type="reject")
    assert Decision.objects.get().resume == {
        "calls": [
            {"id": "call_0", "type": "approve"},
            {"id": "call_1", "type": "reject", "message": ""},
        ]
    }


@pytest.mark.parametrize("person", ["olga", "ada", "mallory"])
@pytest.mark.parametrize("name", ["decide", "draft"])
def test_only_reviewers_may_post(name: str, person: str, request: pytest.FixtureRequest) -> None:
    interrupt = make_interrupt(tool_review())
    user = request.getfixturevalue(person)
    assert post(user, interrupt, name, actions__0__type="approve").status_code == 403
    assert not Decision.objects.exists()


@pytest.mark.parametrize("name", ["decide", "draft"])
def test_reading_the_address_of_a_form_changes_nothing(name: str, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    client = Client()
    client.force_login(alice)
    response = client.get(url(interrupt, name) + "?actions.0.type=approve")
    assert (response.status_code, response["Location"]) == (302, url(interrupt))
    assert not Decision.objects.exists()


def test_a_post_without_a_token_is_refused(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    data = {"questions.0.actions.0.type": "approve"}
    assert client.post(url(interrupt, "decide"), data).status_code == 403
    assert not Decision.objects.exists()


# Trying out -----------------------------------------------------------------------------------


def test_a_draft_opens_a_panel_and_keeps_what_was_typed(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    typed = {"actions__0__reason": "Wrong customer."}
    page = text_of(post(alice, interrupt, "draft", actions__0__type="reject", **typed))
    assert 'data-type="reject"' in page
    assert "Wrong customer.</textarea>" in page
    assert not Decision.objects.exists()


def test_a_draft_shows_the_change(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("refund", REFUND)))
    page = text_of(post(alice, interrupt, "draft", **EDIT))
    assert "<ins><bdi>8813</bdi></ins>" in page


def test_a_draft_adds_an_item_without_script(alice: User) -> None:
    args: Arguments = {"to": ["ada@example.com"]}
    interrupt = make_interrupt(tool_review(("write", args)))
    client = Client()
    client.force_login(alice)
    data = {
        "questions.0.fingerprint": interrupt.fingerprint,
        "questions.0.actions.0.type": "edit",
        "questions.0.actions.0.args.to:item": ["", "0"],
        "questions.0.actions.0.args.to.0": "ada@example.com",
        "op": "add:questions.0.actions.0.args.to",
    }
    page = text_of(client.post(url(interrupt, "draft"), data))
    assert 'name="questions.0.actions.0.args.to.1"' in page


def test_htmx_gets_the_form_alone(alice: User) -> None:
    interrupt = make_interrupt(tool_review(("refund", REFUND)))
    client = Client()
    client.force_login(alice)
    data = {"questions.0.fingerprint": interrupt.fingerprint}
    response = client.post(url(interrupt, "draft"), data, headers={"HX-Request": "true"})
    page = text_of(response)
    assert 'id="decide"' in page
    assert "<html" not in page


def test_htmx_gets_nothing_for_a_form_that_is_partly_over(alice: User, bob: User) -> None:
    first, second = factories.pause(factories.start_run(), {"query": "A?"}, {"query": "B?"})
    decide(second, bob)
    client = Client()
    client.force_login(alice)
    shown = {f"questions.{n}.fingerprint": q.fingerprint for n, q in enumerate((first, second))}
    response = client.post(url(first, "draft"), shown, headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (204, b"")


# Too late -------------------------------------------------------------------------------------


def test_the_second_reviewer_is_told_who_decided_what_and_keeps_the_words(
    alice: User, bob: User
) -> None:
    interrupt = make_interrupt(tool_review())
    decide(interrupt, bob, ActionDecision(DecisionType.REJECT, message="Wrong customer."))
    typed = {"actions__0__type": "respond", "actions__0__reply": "I called her."}
    late = post(alice, interrupt, **typed)
    page = text_of(late)
    assert late.status_code == 409
    assert "bob was first: rejected send_email: Wrong customer." in page
    assert "I called her.</textarea>" in page
    assert 'id="decide"' not in page
    assert Decision.objects.get().decided_by == bob


def test_who_decides_twice_is_told_what_stands(alice: User, bob: User) -> None:
    interrupt = make_interrupt(tool_review())
    typed = {"actions__0__type": "reject", "actions__0__reason": "Wrong customer."}
    post(alice, interrupt, **typed)
    again = post(alice, interrupt, **typed)
    assert again.status_code == 409
    assert "You have decided this already." in text_of(again)
    assert "What stands: <bdi>rejected send_email: Wrong customer.</bdi>" in text_of(again)
    assert "Your decision was not taken." not in text_of(again)
    late = text_of(post(bob, interrupt, **typed))
    assert "Your decision was not taken." in late
    assert "You have decided this already." not in late
    assert Decision.objects.count() == 1


def test_too_late_is_told_before_what_else_is_wrong(alice: User, bob: User) -> None:
    interrupt = make_interrupt(tool_review())
    decide(interrupt, bob)
    assert post(alice, interrupt, actions__0__type="respond").status_code == 409


def test_a_draft_of_what_is_over_keeps_the_words_and_says_so(alice: User, bob: User) -> None:
    interrupt = make_interrupt(tool_review())
    decide(interrupt, bob)
    late = post(alice, interrupt, "draft", actions__0__reply="I called her.")
    assert late.status_code == 409
    assert "I called her.</textarea>" in text_of(late)
    assert "<strong>bob</strong> <bdi>approved send_email</bdi>" in text_of(late)


def test_a_pause_that_has_moved_on_says_so(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    Interrupt.objects.filter(pk=interrupt.pk).update(status=Interrupt.Status.SUPERSEDED)
    late = post(alice, interrupt, actions__0__type="approve")
    assert late.status_code == 409
    assert "This pause is no longer the current one" in text_of(late)
    assert "This pause has moved on:" in get(alice, interrupt)


@pytest.mark.parametrize("shown", ["", "0" * 64])
def test_a_form_made_for_something_else_is_refused(shown: str, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    late = post(alice, interrupt, actions__0__type="approve", fingerprint=shown)
    assert late.status_code == 409
    assert "Read it again" in text_of(late)
    assert not Decision.objects.exists()


# The receipt ----------------------------------------------------------------------------------


def steps(page: str) -> list[str]:
    """The states of the four steps, in order."""
    return [part.split('"', 1)[0] for part in page.split('data-step="')[1:]]


def test_the_receipt_advances_with_the_decision(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    decision = decide(interrupt, alice)
    assert steps(get(alice, interrupt)) == ["done", "now", "ahead", "ahead"]
    run = resuming(decision)
    factories.take(run)
    assert "compares the decision with the live pause" in get(alice, interrupt)
    factories.apply(run)
    page = get(alice, interrupt)
    assert steps(page) == ["done", "done", "done", "now"]
    factories.finish(run)
    page = get(alice, interrupt)
    assert steps(page) == ["done", "done", "done", "done"]
    assert "The agent has finished." in page


def test_a_decision_without_a_runner_is_stored_and_says_since_when(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    decide(interrupt, alice)
    run = interrupt.run
    assert run.runner is not None
    run.runner.disconnected_at = run.runner.last_seen_at
    run.runner.save()
    page = get(alice, interrupt)
    sentence = "Stored. It will be applied when a runner for <bdi>operations</bdi> connects"
    assert f"{sentence} (last seen <time" in page


def test_a_half_decided_pause_says_what_is_still_open(alice: User) -> None:
    run = factories.start_run()
    first, second = factories.pause(run, {"query": "Which account?"}, {"query": "Which month?"})
    decide(first, alice)
    page = get(alice, first)
    assert "still open:" in page
    receipt = page[page.index('id="interrupt-receipt"') :]
    assert f'href="{url(second)}"' in receipt[: receipt.index("</section>")]


def test_a_failed_run_says_how(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    decision = decide(interrupt, alice)
    run = resuming(decision)
    factories.take(run)
    factories.apply(run)
    factories.fail(run, "no such order")
    page = get(alice, interrupt)
    assert steps(page) == ["done", "done", "done", "failed"]
    assert "The agent took it and then failed" in page
    assert "no such order" in page


def test_the_next_pause_of_the_thread_is_linked(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    decision = decide(interrupt, alice)
    run = resuming(decision)
    factories.take(run)
    factories.apply(run)
    (following,) = factories.pause(run, tool_review(("refund", REFUND)))
    page = get(alice, interrupt)
    assert "The agent paused again:" in page
    assert f'href="{url(following)}" data-next-pause' in page


def test_a_refused_decision_says_why_and_links_the_new_question(alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    decision = decide(interrupt, alice)
    run = resuming(decision)
    factories.take(run)
    (anew,) = factories.pause(run, tool_review(("refund", REFUND)), refused="another question")
    page = get(alice, interrupt)
    assert steps(page) == ["done", "failed", "ahead", "ahead"]
    assert "The runner did not apply this decision:" in page
    assert "another question" in page
    assert f'href="{url(anew)}"' in page


def test_next_leads_to_what_waits_longest(alice: User) -> None:
    elsewhere = make_interrupt()
    first, second = factories.pause(factories.start_run(), {"query": "A?"}, {"query": "B?"})
    for interrupt in (first, second):
        assert f'href="{url(elsewhere)}" data-next-pause' in get(alice, interrupt)
