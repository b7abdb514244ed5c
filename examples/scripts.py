"""What the scripted model says and does in each example.

Scenes take what they can from the request: an order number, an amount, an address, a city, a path.
"""

import re
from collections.abc import Sequence

from langchain_core.messages import ToolMessage
from scripted import Call, Script, Turn


def found(pattern: str, request: str, default: str) -> str:
    """The first group of `pattern` in the request, or `default`."""
    match = re.search(pattern, request)
    return match[1] if match else default


# assistant


def look_up(request: str) -> Sequence[Turn]:
    return [Turn("Let me look that up.", [Call("search_handbook", {"query": request})])]


def ask_for_a_discount(request: str) -> Sequence[Turn]:
    pieces = found(r"(\d+) (?:pieces|lamps|chairs|desks)", request, "40")
    query = (
        f"A customer wants {pieces} pieces and asks for more than the 10 % that I may give. "
        "Which discount may I offer, and until when is it valid?"
    )
    return [
        Turn("Let me see what the handbook says.", [Call("search_handbook", {"query": request})]),
        Turn("The handbook leaves this to sales.", [Call("human_assistance", {"query": query})]),
    ]


def ask_a_person(request: str) -> Sequence[Turn]:
    query = f"A customer needs an answer that I cannot give: {request}"
    return [Turn("I will ask a colleague.", [Call("human_assistance", {"query": query})])]


def answer(results: Sequence[ToolMessage]) -> str:
    """The answer to the customer: what was found out last."""
    source = "My colleague says" if results[-1].name == "human_assistance" else "The handbook says"
    return f"{source}: {results[-1].text}"


ASSISTANT = Script(
    scenes={
        r"discount": ask_for_a_discount,
        r"delivery|returns": look_up,
    },
    otherwise=ask_a_person,
    closing=answer,
)


# email


def tell_the_weather(request: str) -> Sequence[Turn]:
    city = found(r"\bin ([A-Z]\w+)", request, "Lisbon")
    return [Turn(f"I look at the forecast for {city}.", [Call("get_weather", {"city": city})])]


def invite(request: str) -> Sequence[Turn]:
    city = found(r"\bin ([A-Z]\w+)", request, "Lisbon")
    body = (
        f"Hello everyone,\n\non Friday we have dinner outside, in {city}. "
        "The table is booked for 19:30.\n\nPlease tell me by Wednesday if you can come.\n\nNora"
    )
    args = {"to": "team@lumenoak.example", "subject": f"Dinner in {city} on Friday", "body": body}
    return [*tell_the_weather(request), Turn("Then I invite the team.", [Call("send_email", args)])]


def write_to_both(request: str) -> Sequence[Turn]:
    subject = "Showroom closed on 2 December"
    body = (
        "Hello {name},\n\nthe showroom is closed on Tuesday, 2 December, for the stocktaking. "
        "Your appointment moves to Wednesday at the same hour.\n\nLumen & Oak"
    )
    people = {"Alice": "alice@fernwood.example", "Bob": "bob@brightside.example"}
    calls = [
        Call("send_email", {"to": to, "subject": subject, "body": body.format(name=name)})
        for name, to in people.items()
    ]
    return [Turn("I write to both of them.", calls)]


def write(request: str) -> Sequence[Turn]:
    to = found(r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)", request, "team@lumenoak.example")
    args = {
        "to": to,
        "subject": "A message from Lumen & Oak",
        "body": f"Hello,\n\n{request}\n\nNora",
    }
    return [Turn(f"I write to {to}.", [Call("send_email", args)])]


EMAIL = Script(
    scenes={
        r"\bboth\b": write_to_both,
        r"\binvite\b": invite,
        r"\bweather\b|\bforecast\b": tell_the_weather,
    },
    otherwise=write,
)


# operations


def refund_call(request: str) -> Call:
    order = found(r"\b(LO-\d+)\b", request, "LO-20871")
    value = float(found(r"(\d+(?:\.\d+)?) ?(?:EUR|GBP|USD)", request, "129.00"))
    lamp = round(value * 0.9, 2)
    return Call(
        "refund",
        {
            "order_id": order,
            "amount": {
                "value": value,
                "currency": found(r"\d ?(EUR|GBP|USD)", request, "EUR"),
            },
            "reason": "damaged" if re.search(r"broken|damaged", request) else "goodwill",
            "lines": [
                {"sku": "LAMP-ARC-OAK", "quantity": 1, "amount": lamp},
                {"sku": "SHIPPING", "quantity": 1, "amount": round(value - lamp, 2)},
            ],
            # An odd number beyond 2**53: a float would change it.
            "reference": 2**53 + 2 * int(order.removeprefix("LO-")) + 1,
            "notify": False,
        },
    )


def apology_call(request: str) -> Call:
    order = found(r"\b(LO-\d+)\b", request, "LO-20871")
    body = (
        "Dear Ms Hartmann,\n\nwe are sorry about your order. "
        f"The money for {order} is on its way to your account and arrives within three days.\n\n"
        "Kind regards\nLumen & Oak"
    )
    return Call(
        "send_email",
        {
            "to": [found(r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)", request, "j.hartmann@mailbox.example")],
            "cc": None,
            "subject": f"Your order {order}",
            "body": body,
            "attachments": [{"filename": f"credit-note-{order}.pdf", "pages": 1}],
        },
    )


def refund(request: str) -> Sequence[Turn]:
    return [Turn("I refund the order.", [refund_call(request)])]


def refund_and_write(request: str) -> Sequence[Turn]:
    calls = [refund_call(request), apology_call(request)]
    return [Turn("I refund the order and write to the customer.", calls)]


def refund_then_write(request: str) -> Sequence[Turn]:
    return [
        Turn("First the refund.", [refund_call(request)]),
        Turn("The refund is made. Now I write to the customer.", [apology_call(request)]),
    ]


def delete(request: str) -> Sequence[Turn]:
    path = found(r"(/[\w./-]*[\w/])", request, "/exports/2023")
    args = {"path": path, "recursive": "." not in path}
    return [Turn(f"I delete {path}.", [Call("delete_file", args)])]


def send_the_price_list(request: str) -> Sequence[Turn]:
    args = {
        "to": ["buying@fernwood.example", "buying@brightside.example"],
        "cc": ["sales@lumenoak.example"],
        "subject": "Price list, spring",
        "body": (
            "Dear partners,\n\nattached are our prices from 1 March. The oak series gets "
            "4 % dearer; all lamps stay as they are.\n\n"
            "Orders that reach us by 28 February are made at the old prices.\n\nLumen & Oak"
        ),
        "attachments": [
            {"filename": "price-list-spring.pdf", "media_type": "application/pdf", "pages": 12},
            {"filename": "price-list-spring.csv", "media_type": "text/csv", "pages": None},
        ],
    }
    return [Turn("I send the price list to our partners.", [Call("send_email", args)])]


def forward(request: str) -> Sequence[Turn]:
    args = {"to": ["operations@lumenoak.example"], "subject": "A request", "body": request}
    return [Turn("I pass this on to the operations team.", [Call("send_email", args)])]


OPERATIONS = Script(
    scenes={
        r"refund.*\bthen\b": refund_then_write,
        r"refund.*\b(write|tell|e-?mail)\b": refund_and_write,
        r"refund": refund,
        r"delete|clean up": delete,
        r"price list": send_the_price_list,
    },
    otherwise=forward,
)


# warehouse


def stocktaking(request: str) -> Sequence[Turn]:
    sku = found(r"\b([A-Z]+(?:-[A-Z]+)+)\b", request, "LAMP-ARC-OAK")
    broken = int(found(r"(\d+) (?:\w+ )?(?:are |is )?(?:broken|damaged)", request, "2"))
    return [
        Turn("I count first.", [Call("count_stock", {"sku": sku})]),
        Turn(
            "Too few, and some are broken: I write those off and order new ones.",
            [
                Call("write_off", {"sku": sku, "quantity": broken, "reason": "broken"}),
                Call("reorder", {"sku": sku, "quantity": 40, "express": True}),
                Call("count_stock", {"sku": "CHAIR-FERN"}),
            ],
        ),
    ]


def reorder(request: str) -> Sequence[Turn]:
    sku = found(r"\b([A-Z]+(?:-[A-Z]+)+)\b", request, "CHAIR-FERN")
    pieces = int(found(r"(\d+)", request, "20"))
    return [Turn("I order them.", [Call("reorder", {"sku": sku, "quantity": pieces})])]


WAREHOUSE = Script(scenes={r"broken|damaged|stocktaking": stocktaking}, otherwise=reorder)
