"""Pauses find their places in a conversation."""

from collections.abc import Sequence
from typing import Any

from agents.live.story import Note, Passage, date, tell
from agents.models import Interrupt, Run
from agents.reviews import read
from agents.reviews.conversation import conversation
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.factories import QUESTION, breakpoint_before, tool_review

EMAIL: Arguments = {"to": "alice@example.com"}
APPROVED = [{"type": "approve"}]


def human(text: str) -> Plain:
    """A message of a person."""
    return {"type": "human", "content": text}


def agent(text: str, *calls: tuple[str, str, Plain]) -> Plain:
    """A message of the agent, with calls of (id, name, arguments)."""
    made: list[Plain] = [
        {"id": call_id, "name": name, "args": args} for call_id, name, args in calls
    ]
    return {"type": "ai", "content": text, "tool_calls": made}


def told(
    messages: list[Plain], *pauses: tuple[Plain, Sequence[Any] | None], kind: Any = "interrupt"
) -> list[Passage]:
    """The story of these messages and pauses."""
    return tell(
        conversation({"messages": messages}),
        [
            (Interrupt(headline=str(number)), read(value, kind=kind), decided)
            for number, (value, decided) in enumerate(pauses)
        ],
    )


def places(story: list[Passage]) -> list[list[str]]:
    """For each message: its calls with the pause about them, and the questions after it."""
    return [
        [
            f"{call.call.id}:{call.asked.interrupt.headline if call.asked else '-'}"
            for call in p.calls
        ]
        + [asked.interrupt.headline for asked in p.asked]
        for p in story
    ]


def test_a_call_is_found_by_name_and_arguments():
    messages = [human("Go."), agent("", ("c1", "get_weather", {}), ("c2", "send_email", EMAIL))]
    story = told(messages, (tool_review(("send_email", EMAIL)), APPROVED))
    assert places(story) == [[], ["c1:-", "c2:0"]]


def test_the_same_call_twice_is_two_calls():
    messages = [
        human("Go."),
        agent("", ("c1", "send_email", EMAIL)),
        agent("", ("c2", "send_email", EMAIL)),
    ]
    review = tool_review(("send_email", EMAIL))
    story = told(messages, (review, APPROVED), (review, None))
    assert places(story) == [[], ["c1:0"], ["c2:1"]]


def test_two_calls_of_a_pause_have_their_own_decisions():
    messages = [
        human("Go."),
        agent("", ("c1", "send_email", EMAIL), ("c2", "refund", {"order": 1})),
    ]
    decided = [{"type": "approve"}, {"type": "reject", "message": "wrong order"}]
    review = tool_review(("send_email", EMAIL), ("refund", {"order": 1}))
    (_, passage) = told(messages, (review, decided))
    verdicts = [(c.asked.verb, c.asked.words) for c in passage.calls if c.asked]
    assert verdicts == [("approved", ""), ("rejected", "wrong order")]


def test_a_breakpoint_finds_its_call_by_id():
    messages = [human("Go."), agent("", ("call_0", "send_email", {"to": "edited@example.com"}))]
    story = told(messages, (breakpoint_before(("send_email", EMAIL)), APPROVED), kind="breakpoint")
    assert places(story) == [[], ["call_0:0"]]


def test_a_question_of_a_tool_stands_at_its_call():
    messages = [human("Go."), agent("", ("c1", "human_assistance", QUESTION))]
    decided = [{"type": "respond", "answer": "Ask Bob.", "shape": "data"}]
    story = told(messages, (QUESTION, decided))
    (call,) = story[1].calls
    assert call.asked is not None
    assert (call.asked.verb, call.asked.words) == ("answered", "Ask Bob.")


def test_an_answer_that_is_no_text_is_shown_as_json():
    story = told([human("Go.")], (QUESTION, [{"type": "respond", "answer": {"rate": 1.0}}]))
    assert story[0].asked[0].words == '{"rate": 1.0}'


def test_a_question_about_no_call_stands_where_it_was_asked():
    messages = [human("Go."), agent("Thanks."), human("More.")]
    story = told(messages, ("Which one?", [{"type": "respond", "answer": "A"}]))
    assert places(story) == [["0"], [], []]


def test_what_waits_stands_at_the_end():
    messages = [human("Go."), agent("Let me see.")]
    assert places(told(messages, ("Which one?", None))) == [[], ["0"]]


def test_a_pause_without_any_message():
    (passage,) = told([], ("Which one?", None))
    assert (passage.entry, len(passage.asked)) == (None, 1)


class TestPlaces:
    """What happened stands after the last message of its checkpoint."""

    MESSAGES: list[Plain] = [
        human("Go."),
        agent("", ("c1", "count", {})),
        {"type": "tool", "tool_call_id": "c1", "content": "4"},
        agent("Four."),
    ]
    COUNTS = {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}

    def story(self, *notes: Note, asked: str = "", decided: bool = True) -> list[Passage]:
        """These messages, with notes, and with a question asked at a checkpoint."""
        question = Interrupt(headline="?", checkpoint_id=asked, run_id=7)
        answer = [{"type": "respond", "answer": "A"}] if decided else None
        pauses = [(question, read("Which?", kind="interrupt"), answer)] if asked else []
        return tell(conversation({"messages": self.MESSAGES}), pauses, notes, self.COUNTS)

    def test_a_question_about_no_call(self):
        story = self.story(asked="d")
        assert places(story) == [[], ["c1:-", "?"], []]

    def test_a_note(self):
        note = Note(Run(pk=8), "b", is_travel=True)
        assert [passage.after for passage in self.story(note)] == [[note], [], []]

    def test_a_note_whose_place_is_not_known_stands_at_the_end(self):
        note = Note(Run(pk=8), "", is_travel=False)
        assert [passage.after for passage in self.story(note)] == [[], [], [note]]

    def test_a_run_goes_back_before_it_asks_and_fails(self):
        failed, back = Note(Run(pk=7), "e", is_travel=False), Note(Run(pk=7), "e", is_travel=True)
        later = Note(Run(pk=8), "e", is_travel=True)
        story = self.story(later, failed, back, asked="e", decided=False)
        assert [getattr(each, "run", None) for each in story[-1].after] == [
            back.run, failed.run, None, later.run
        ]  # fmt: skip
        assert story[-1].after[:2] == [back, failed]

    def test_messages_are_dated_by_their_first_checkpoint(self):
        story = self.story()
        date(story, self.COUNTS)
        assert [passage.checkpoint_id for passage in story] == ["b", "c", "e"]

    def test_messages_before_the_first_known_checkpoint_are_not_dated(self):
        story = self.story()
        date(story, {"d": 3, "e": 4})
        assert [passage.checkpoint_id for passage in story] == ["", "", "e"]

    def test_each_count_of_messages_has_its_passage(self):
        assert [list(passage.counted) for passage in self.story()] == [[1], [2, 3], [4]]
