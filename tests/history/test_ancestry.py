"""Where branches part, against looking at every ancestor of both."""

from hypothesis import given, strategies as st

from agents.history.ancestry import common_ancestor, path


@st.composite
def parents(draw: st.DrawFn) -> dict[str, str | None]:
    """A tree, of which some have a parent that is not kept, and any shape hostile rows may have."""
    count = draw(st.integers(1, 15))
    names = st.sampled_from([*map(str, range(count)), "gone", None])
    return {str(number): draw(names) for number in range(count)}


def ancestors(tree: dict[str, str | None], checkpoint: str) -> list[str]:
    found: list[str] = []
    up: str | None = checkpoint
    while up in tree and up not in found:
        found.append(up)
        up = tree[up]
    return found


@given(parents(), st.data())
def test_the_nearest_of_the_common_ancestors(
    tree: dict[str, str | None], data: st.DataObject
) -> None:
    one, other = (data.draw(st.sampled_from(sorted(tree))) for _ in range(2))
    common = [each for each in ancestors(tree, other) if each in ancestors(tree, one)]
    assert common_ancestor(tree, one, other) == (common[0] if common else None)


@given(parents(), st.data())
def test_the_way_leads_up_step_by_step(tree: dict[str, str | None], data: st.DataObject) -> None:
    start, end = (data.draw(st.sampled_from(sorted(tree))) for _ in range(2))
    whole = ancestors(tree, start)
    assert list(path(tree, start)) == whole
    assert list(path(tree, start, end)) == (whole[: whole.index(end) + 1] if end in whole else [])


def test_an_unknown_checkpoint_has_no_way() -> None:
    assert (path({}, "1"), common_ancestor({"1": None}, "1", "2")) == ((), None)
