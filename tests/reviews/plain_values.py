"""Hypothesis strategies for plain values: all that LangGraph can store, odd things included."""

from __future__ import annotations

from hypothesis import strategies as st

from reviewconsole.protocol.plain import Plain, Typed

# Everyday letters, and those that break forms and pages: line ends, bidi, NUL, half of a pair.
TEXT = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("\n\r\t\0 .:~$\u00a0\u200b\u202e\ufe0f\ud800\U000e0041"),
    ),
    max_size=20,
)
SCALARS: st.SearchStrategy[Plain] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    TEXT,
    st.binary(max_size=8),
)
KEYS = st.one_of(TEXT, st.integers(-5, 5), st.booleans(), st.floats(allow_nan=False))
NAMES = st.sampled_from(["Order", "HumanMessage"])


def _nested(children: st.SearchStrategy[Plain]) -> st.SearchStrategy[Plain]:
    return st.one_of(
        st.lists(children, max_size=4),
        st.dictionaries(TEXT, children, max_size=4),
        st.dictionaries(KEYS, children, max_size=3),
        st.builds(Typed, st.just(2), st.just("shop"), NAMES, children),
    )


PLAIN: st.SearchStrategy[Plain] = st.recursive(SCALARS, _nested, max_leaves=12)
ARGUMENTS = st.dictionaries(TEXT, PLAIN, max_size=4)
