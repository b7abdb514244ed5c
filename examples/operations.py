"""Back-office work under review: LangChain's `create_agent` with `HumanInTheLoopMiddleware`.

The middleware pauses once for all the calls of a turn that need a review. Each tool allows other
decisions: an e-mail may also be answered instead of being sent, a deletion only approved or not.
"""

from enum import StrEnum

import effects
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from scripted import chat_model
from scripts import OPERATIONS

PROMPT = """You do the back-office work of Lumen & Oak, a shop for lamps and furniture:
you refund orders, write to customers and keep the file store tidy.
People review your actions. When one is refused, do not try it again."""


class Currency(StrEnum):
    EUR = "EUR"
    GBP = "GBP"
    USD = "USD"


class RefundReason(StrEnum):
    DAMAGED = "damaged"
    LATE = "late"
    NOT_AS_DESCRIBED = "not_as_described"
    GOODWILL = "goodwill"


class Money(BaseModel):
    value: float = Field(gt=0, description="In units of the currency, such as 12.5")
    currency: Currency


class RefundLine(BaseModel):
    sku: str = Field(description="Article number, or SHIPPING")
    quantity: int = Field(ge=1)
    amount: float = Field(ge=0, description="What is paid back for this line")


class Attachment(BaseModel):
    filename: str
    media_type: str = "application/pdf"
    pages: int | None = Field(default=None, ge=1)


@tool
def send_email(
    to: list[str],
    subject: str,
    body: str,
    cc: list[str] | None = None,
    attachments: list[Attachment] | None = None,
) -> str:
    """Send an e-mail to one or more people, with documents from the file store."""
    effects.record("send_email", to=to, subject=subject, body=body, cc=cc, attachments=attachments)
    return f"Sent to {', '.join(to + (cc or []))}: {subject}"


@tool
def refund(
    order_id: str,
    amount: Money,
    reason: RefundReason,
    lines: list[RefundLine],
    reference: int,
    notify: bool = True,
) -> str:
    """Pay money back for an order.

    `reference` is the 64-bit number of the payment. With `notify` the bank tells the customer.
    """
    effects.record(
        "refund",
        order_id=order_id,
        amount=amount,
        reason=reason,
        lines=lines,
        reference=reference,
        notify=notify,
    )
    return f"Refunded {amount.value:.2f} {amount.currency} for order {order_id} ({reason})"


@tool
def delete_file(path: str, recursive: bool = False) -> str:
    """Delete a file, or with `recursive` a folder and all that is in it. Cannot be undone."""
    effects.record("delete_file", path=path, recursive=recursive)
    return f"Deleted {path}"


agent = create_agent(
    model=chat_model(OPERATIONS),
    tools=[send_email, refund, delete_file],
    system_prompt=PROMPT,
    middleware=[
        HumanInTheLoopMiddleware(
            interrupt_on={
                "send_email": True,
                "refund": {"allowed_decisions": ["approve", "edit", "reject"]},
                "delete_file": {
                    "allowed_decisions": ["approve", "reject"],
                    "description": "The file store has no backup: what is deleted is gone.",
                },
            }
        )
    ],
)
