"""A newsletter that people make with the agent: one adds a word, then two must agree.

As in LangGraph's guide "Wait for user input", the node `editor` does nothing: the graph stops
before it, and what a person writes goes into the state as if the node had said it. Then `legal` and
`brand` ask at the same time, each with the schema of the answer that it reads.
"""

from typing import Any, Literal

import effects
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field
from typing_extensions import TypedDict


class LegalReview(BaseModel):
    approved: bool
    disclaimer: str = Field(default="", description="Printed below the text")


class BrandReview(BaseModel):
    approved: bool
    audience: Literal["customers", "partners", "everybody"] = "customers"


class State(TypedDict, total=False):
    topic: str
    remark: str
    text: str
    legal: dict[str, Any]
    brand: dict[str, Any]


def write(state: State) -> State:
    return {"text": f"Good news from Lumen & Oak: {state['topic']}"}


def editor(state: State) -> State:
    return {}


def legal(state: State) -> State:
    asked = {"question": "May we say this?", "text": state["text"], "remark": state.get("remark")}
    review = interrupt(asked, response_schema=LegalReview)
    return {"legal": review.model_dump()}


def brand(state: State) -> State:
    asked = {"question": "Who shall read this?", "text": state["text"]}
    review = interrupt(asked, response_schema=BrandReview)
    return {"brand": review.model_dump()}


def publish(state: State) -> State:
    if not (state["legal"]["approved"] and state["brand"]["approved"]):
        return {"text": "Not published."}
    parts = (state["text"], state.get("remark"), state["legal"]["disclaimer"])
    text = "\n\n".join(part for part in parts if part)
    effects.record("publish", text=text, audience=state["brand"]["audience"])
    return {"text": text}


builder = StateGraph(State)
builder.add_sequence([write, editor])
builder.add_node(legal)
builder.add_node(brand)
builder.add_node(publish)
builder.add_edge(START, "write")
builder.add_edge("editor", "legal")
builder.add_edge("editor", "brand")
builder.add_edge(["legal", "brand"], "publish")
builder.add_edge("publish", END)
graph = builder.compile(interrupt_before=["editor"])
