"""docs/reliability.md lists today's hostile states and their verdicts."""

from tests.support.hostile.table import PAGE, PARTS, written


def test_the_table_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run `make generate`"


def test_no_state_is_listed_twice() -> None:
    for states in PARTS.values():
        titles = [state.title for state in states]
        assert len(titles) == len(set(titles))
