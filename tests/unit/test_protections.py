"""tests/protections.toml is current: what it removes is there, and so are the tests that must notice."""

import ast
import re

import pytest

from tests.support.paths import ROOT
from tools.protections import Protection, listed, verdict, without

LISTED = listed()


@pytest.mark.parametrize("protection", LISTED, ids=lambda protection: protection.line)
def test_a_protection_and_its_tests_are_there(protection: Protection) -> None:
    text = (ROOT / protection.file).read_text(encoding="utf-8")
    changed = without(protection, text)
    assert changed != text
    if protection.file.endswith(".py"):
        ast.parse(changed)
    assert protection.test
    for test in protection.test:
        file, function = test.split("[")[0].split("::")
        assert re.search(rf"^def {function}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_no_line_is_listed_twice() -> None:
    lines = [protection.line for protection in LISTED]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("text", ["nothing of it", "a guard, a guard"])
def test_what_is_to_be_removed_occurs_once(text: str) -> None:
    with pytest.raises(ValueError, match="times in any file"):
        without(Protection("a line", "any file", "a guard", "", ["x"]), text)


@pytest.mark.parametrize(
    ("code", "output", "is_red", "words"),
    [
        (1, "FAILED tests/a.py::test_a[x - y] - AssertionError: 1", True, "red: AssertionError: 1"),
        (
            1,
            "ERROR tests/a.py::test_a - NameError: x",
            False,
            "STILL GREEN: pytest ended with 1: NameError: x",
        ),
        (0, "1 passed", False, "STILL GREEN"),
        (4, "no such test", False, "STILL GREEN: pytest ended with 4: no such test"),
        (None, "", False, "STILL GREEN: it did not end within 300 s"),
    ],
)
def test_red_is_a_test_that_failed_and_nothing_else(
    code: int | None, output: str, is_red: bool, words: str
) -> None:
    assert verdict(code, output) == (is_red, words)
