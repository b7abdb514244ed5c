"""Both ends of a connection agree, in whatever order frames and replies travel."""

from collections import deque
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reviewconsole.protocol import codec
from reviewconsole.protocol.exceptions import (
    FrameTooLarge,
    MalformedFrame,
    OutOfOrder,
    ProtocolError,
    WrongVersion,
)
from reviewconsole.protocol.messages import (
    VERSION,
    Admission,
    Assignments,
    Beat,
    CallTool,
    Claim,
    Delivered,
    Done,
    Found,
    Get,
    Heartbeat,
    Hello,
    Hint,
    Lease,
    List,
    Owner,
    RefusalCode,
    Refused,
    Request,
    Result,
    Wake,
    Welcome,
)
from reviewconsole.protocol.session import Answered, ConsoleSession, RunnerSession
from tests.protocol import messages

LIMIT = 1_000_000
HELLO = Hello(VERSION, "instance", "name", 1, (), {}, ())
GET = Get(Owner("agent"), "thread", "", None)
ANSWERS: dict[type[Request], type[Result]] = {
    Hello: Welcome,
    Heartbeat: Beat,
    Claim: Assignments,
    CallTool: Admission,
    Get: Found,
    List: Found,
}


def welcomed() -> tuple[RunnerSession, ConsoleSession]:
    """Two ends after the hello."""
    runner, console = RunnerSession(), ConsoleSession(LIMIT)
    frame_id, data = runner.send([HELLO])
    console.receive(data)
    runner.receive(codec.encode_reply(frame_id, [Welcome(VERSION, 1, 30.0, 10.0, LIMIT, ())]))
    return runner, console


class Conversation(RuleBasedStateMachine):
    """Frames on their way, replies in any order, hints between them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.console = welcomed()
        self.on_the_way: deque[tuple[int, bytes, tuple[Request, ...]]] = deque()
        self.to_answer: dict[int, tuple[Request, ...]] = {}

    @rule(
        requests=st.lists(
            messages.requests.filter(lambda r: not isinstance(r, Hello)), min_size=1, max_size=3
        )
    )
    def send(self, requests: list[Request]) -> None:
        """The runner sends a frame."""
        frame_id, data = self.runner.send(requests)
        self.on_the_way.append((frame_id, data, tuple(requests)))

    @precondition(lambda self: self.on_the_way)
    @rule()
    def arrive(self) -> None:
        """The console reads the next frame: it is what was sent."""
        frame_id, data, requests = self.on_the_way.popleft()
        assert self.console.receive(data) == (frame_id, requests)
        self.to_answer[frame_id] = requests

    @precondition(lambda self: self.to_answer)
    @rule(data=st.data(), refused=st.sets(st.integers(0, 2)))
    def answer(self, data: st.DataObject, refused: set[int]) -> None:
        """The console answers any frame: the runner gets one result for each of its requests."""
        frame_id = data.draw(st.sampled_from(sorted(self.to_answer)))
        requests = self.to_answer.pop(frame_id)
        results = tuple(
            Refused(RefusalCode.INVALID, "no")
            if index in refused
            else data.draw(messages.message(ANSWERS.get(type(request), Done)))
            for index, request in enumerate(requests)
        )
        assert self.runner.receive(codec.encode_reply(frame_id, results)) == (frame_id, results)

    @rule(hints=st.lists(messages.hints, max_size=2))
    def hint(self, hints: list[Hint]) -> None:
        """The console hints at something."""
        assert self.runner.receive(codec.encode_hints(hints)) == tuple(hints)

    @precondition(lambda self: self.on_the_way)
    @rule(at=st.integers(0), to=st.integers(0, 255))
    def damage(self, at: int, to: int) -> None:
        """A damaged frame ends a connection by a documented error or is a frame; never more."""
        _, data, _ = self.on_the_way[0]
        at %= len(data)
        twin = ConsoleSession(LIMIT, self.console._last_id)
        try:
            twin.receive(data[:at] + bytes([to]) + data[at + 1 :])
        except ProtocolError as error:
            assert error.close_code in (4400, 4409)  # noqa: PT017  # either is right

    @rule(frame_id=st.integers(-1, 100))
    def answer_nobody(self, frame_id: int) -> None:
        """A reply that nobody waits for is refused and disturbs nothing."""
        if frame_id not in self.runner._sent and frame_id:
            with pytest.raises(OutOfOrder):
                self.runner.receive(codec.encode_reply(frame_id, [Done()]))

    @invariant()
    def counts(self) -> None:
        """The runner knows how many frames are out."""
        assert self.runner.unanswered == len(self.on_the_way) + len(self.to_answer)


Conversation.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestConversation = Conversation.TestCase


# The console's end ---------------------------------------------------------------------------


def test_the_first_frame_is_a_hello_alone() -> None:
    """Whoever does not say who asks is not answered."""
    wrong: list[list[Request]] = [[GET], [HELLO, GET], [GET, HELLO], [HELLO, HELLO]]
    for requests in wrong:
        with pytest.raises(OutOfOrder, match="the first frame holds one hello and nothing else"):
            ConsoleSession(LIMIT).receive(codec.encode_requests(1, requests))


def test_a_second_hello_is_out_of_order() -> None:
    """A runner does not change on its connection."""
    _, console = welcomed()

    with pytest.raises(OutOfOrder, match="a second hello on one connection"):
        console.receive(codec.encode_requests(2, [GET, HELLO]))


@pytest.mark.parametrize("frame_id", [1, 3])
def test_frames_are_numbered_without_gaps(frame_id: int) -> None:
    """A frame repeated or lost is noticed."""
    _, console = welcomed()

    with pytest.raises(OutOfOrder, match=f"frame {frame_id} came where 2 was due"):
        console.receive(codec.encode_requests(frame_id, [GET]))


@pytest.mark.parametrize("version", [1, VERSION + 1])  # 1 had tool calls of other fields
def test_another_version_is_refused(version: int) -> None:
    """The error names both, and the remedy."""
    hello = Hello(version, "instance", "name", 1, (), {}, ())

    with pytest.raises(WrongVersion, match=f"version {version}, the console {VERSION}; install"):
        ConsoleSession(LIMIT).receive(codec.encode_requests(1, [hello]))


def test_the_limit_holds_to_the_byte() -> None:
    """It is checked before the frame is read."""
    data = codec.encode_requests(1, [HELLO])

    assert ConsoleSession(len(data)).receive(data) == (1, (HELLO,))
    with pytest.raises(FrameTooLarge, match="raise RUNNER_MAX_FRAME_BYTES"):
        ConsoleSession(len(data) - 1).receive(data)
    with pytest.raises(FrameTooLarge):
        ConsoleSession(10).receive(b"\xc1" * 11)


# The runner's end ----------------------------------------------------------------------------


def test_null_is_one_done_for_each_request() -> None:
    """The most frequent reply is the shortest."""
    runner, _ = welcomed()
    frame_id, _ = runner.send([Delivered(Lease(1, 1))] * 2)

    assert runner.receive(codec.encode_reply(frame_id, [Done(), Done()])) == Answered(
        frame_id, (Done(), Done())
    )


@pytest.mark.parametrize(
    ("request_", "results", "problem"),
    [
        (GET, [Done()], "Done where Found was due"),
        (Delivered(Lease(1, 1)), [Found(())], "Found where Done was due"),
        (GET, [Found(()), Found(())], "2 results where 1 were due"),
    ],
)
def test_a_result_that_answers_something_else(
    request_: Request, results: list[Result], problem: str
) -> None:
    """A caller gets what it asked for, or a refusal."""
    runner, _ = welcomed()
    frame_id, _ = runner.send([request_])

    with pytest.raises(MalformedFrame, match=problem):
        runner.receive(codec.encode_reply(frame_id, results))


def test_a_frame_is_answered_once() -> None:
    """A second reply is for nobody."""
    runner, _ = welcomed()
    frame_id, _ = runner.send([GET])
    reply = codec.encode_reply(frame_id, [Found(())])
    runner.receive(reply)

    with pytest.raises(OutOfOrder, match="a reply to frame 2, which waits for none"):
        runner.receive(reply)


def test_a_request_that_cannot_be_written_makes_no_frame() -> None:
    """The numbers go on without a gap."""
    runner, console = welcomed()
    with pytest.raises(MalformedFrame):
        runner.send([Claim(2**70)])

    assert runner.unanswered == 0
    assert console.receive(runner.send([GET])[1]) == (2, (GET,))


def test_hints_are_told_from_replies() -> None:
    """By the frame id."""
    received: Any = welcomed()[0].receive(codec.encode_hints([Wake(), Wake()]))

    assert received == (Wake(), Wake())
    assert not isinstance(received, Answered)
