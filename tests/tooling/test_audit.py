"""tools/audit.py: what it says of pip-audit's report, and where there is no network."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import audit

REPORT = {
    "dependencies": [
        {"name": "good", "version": "1.0", "vulns": []},
        {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"]}]},
        {"name": "odd", "skip_reason": "not on PyPI"},
    ],
    "fixes": [],
}


def test_each_vulnerability_is_a_line():
    assert audit.findings(REPORT) == ["bad 2.0: PYSEC-1, corrected in 2.1, 3.0"]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (json.dumps(REPORT), 1, "bad 2.0: PYSEC-1"),
        (json.dumps({"dependencies": []}), 0, "no known vulnerability"),
        (json.dumps(REPORT), 1, "odd: not audited: not on PyPI"),
        (
            json.dumps({"dependencies": REPORT["dependencies"][2:]}),
            0,
            "skipped: odd: not audited: not on PyPI",
        ),
        ("", 0, "skipped: no route to host"),
    ],
)
def test_only_a_vulnerability_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, code: int, words: str
) -> None:
    done = SimpleNamespace(stdout=answer, stderr="Traceback ...\nno route to host")
    monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: done)
    assert audit.main() == code
    assert words in capsys.readouterr().out


def test_uv_is_in_the_environment():
    assert Path(sys.executable).with_name("uv").exists()
