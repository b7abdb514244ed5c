"""Plain values of every kind, and when two of them are the same."""

from typing import Any

from hypothesis import strategies as st

from reviewconsole.protocol.plain import Typed

well_formed = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
any_text = st.text(st.characters(), max_size=5) | st.text(
    st.sampled_from("a$é\ud83d\ude00\ud800\udfff\0"), max_size=4
)
storable_integers = st.integers(-(2**63), 2**64 - 1)
any_integers = st.integers() | st.sampled_from([2**53 - 1, 2**53, -(2**53), 2**64, 10**30])
names = st.text(st.sampled_from("abc.:%3A"), min_size=1, max_size=6)


def scalars(text: st.SearchStrategy[str], integers: st.SearchStrategy[int]) -> Any:
    """Values without parts."""
    return st.none() | st.booleans() | integers | st.floats() | text | st.binary(max_size=20)


def keys(text: st.SearchStrategy[str], integers: st.SearchStrategy[int]) -> Any:
    """What a dict may have for a key; no NaN, which equals no key."""
    simple = (
        st.none()
        | st.booleans()
        | integers
        | st.floats(allow_nan=False)
        | text
        | st.binary(max_size=5)
    )
    return text | simple | st.lists(simple, max_size=3).map(tuple)


def typed(payloads: Any) -> Any:
    """Extension objects as the decoder makes them."""
    named = st.builds(
        Typed, st.integers(0, 5), names, well_formed, payloads, st.none() | well_formed
    )
    raw = st.builds(Typed, st.integers(8, 127), st.just(""), st.just(""), st.binary(max_size=10))
    numpy = st.builds(Typed, st.just(6), st.just("numpy"), st.just("ndarray"), payloads)
    delta = st.builds(Typed, st.just(7), st.just("langgraph"), st.just("DeltaSnapshot"), payloads)
    return named | raw | numpy | delta


def values(text: st.SearchStrategy[str], integers: st.SearchStrategy[int]) -> Any:
    """Values with parts."""
    return st.recursive(
        scalars(text, integers),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(text, inner, max_size=4)
            | st.dictionaries(keys(text, integers), inner, max_size=4)
            | typed(inner)
        ),
        max_leaves=12,
    )


storable = values(well_formed, storable_integers)
anything = values(any_text, any_integers)

# Values that Python, JSON or a careless tag take for each other.
confusable = st.recursive(
    st.sampled_from(
        [None, False, 0, 0.0, -0.0, "", b"", True, 1, 1.0, "1", "1.0", "$int", "$float", "a:b"]
    ),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["$int", "$float", "$map", "$$int", "a"]), inner, max_size=2
        )
        | st.dictionaries(st.sampled_from([0, "0", None, ("a",), b"a"]), inner, max_size=2)
        | st.builds(
            Typed,
            st.integers(0, 1),
            st.sampled_from(["a", "a:b", "a%3Ab"]),
            st.sampled_from(["c", "b:c"]),
            inner,
        )
    ),
    max_leaves=4,
)


def form(value: Any) -> Any:
    """A text that two values share only if they are the same value, whatever `==` says of them."""
    match value:
        case dict():
            return f"{{{sorted((form(key), form(item)) for key, item in value.items())}}}"
        case list() | tuple():
            return f"{type(value).__name__}{[form(item) for item in value]}"
        case Typed():
            named = (value.code, value.module, value.name, value.method)
            return f"Typed{named}{form(value.payload)}"
    return f"{type(value).__name__} {value!r}"
