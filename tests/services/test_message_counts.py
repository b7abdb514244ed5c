"""How far the conversation had come at checkpoints."""

from agents.models import SHOWN, Blob
from agents.models.checkpoint import Form
from agents.services.message_counts import message_counts
from tests.services.histories import History
from tests.services.saving import message, whole


def test_messages_are_counted_however_they_are_stored(db: None) -> None:
    made = History()
    made.add("1", values={"plan": "x"})
    made.add("2", "1", {"messages": list(range(3))})
    made.add("3", "2", {"plan": "y"})
    made.add("4", "3", {"messages": [*range(40)]})
    made.save()
    asked = ["1", "2", "3", "4", "unknown"]
    found = message_counts(thread=made.thread, checkpoint_ids=asked)
    assert found == {"2": 3, "3": 3, "4": 40}


def test_short_lists_and_what_is_shown_of_delta_channels(db: None) -> None:
    made = History()
    made.add("1", values={"messages": None})
    made.add("2", "1", {"messages": None})
    made.save()
    kind, data = whole([message(1), message(2)]).kind, whole([message(1), message(2)]).data
    Blob.objects.create(
        thread=made.thread, ns="", channel=f"{SHOWN}messages", version="2",
        kind=kind, form=Form.WHOLE, data=data,
    )  # fmt: skip
    assert message_counts(thread=made.thread, checkpoint_ids=["1", "2"]) == {"2": 2}


def test_what_cannot_be_read_is_left_out(db: None) -> None:
    made = History()
    made.add("1", values={"messages": [1, 2, 3]})
    made.save()
    Blob.objects.filter(channel="messages").update(kind="msgpack+aes", form=Form.WHOLE)
    assert message_counts(thread=made.thread, checkpoint_ids=["1"]) == {}
