"""Every hostile configuration and command line of tests/support/hostile is refused with its exit code, in one line."""

import json
from pathlib import Path

import pytest

from tests.support.hostile.configurations import CONFIGURATIONS, VALID
from tests.support.hostile.verdicts import ConfigurationState, Refused
from tests.support.jobs import run_in_process


@pytest.mark.parametrize("state", CONFIGURATIONS, ids=lambda state: state.title)
def test_a_hostile_configuration_gets_its_verdict(tmp_path: Path, state: ConfigurationState) -> None:
    config = tmp_path / "credentials.json"
    config.write_bytes(json.dumps(VALID).encode() if state.file is None else state.file)
    config.chmod(0o600)
    outcome = run_in_process("dim_store", "--config", str(config), *state.flags)
    assert isinstance(state.verdict, Refused)
    assert (outcome.code, state.verdict.words in outcome.error) == (state.verdict.code, True), outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("state", CONFIGURATIONS, ids=lambda state: state.title)
def test_verify_refuses_it_too(
    tmp_path: Path, state: ConfigurationState, capsys: pytest.CaptureFixture[str]
) -> None:
    from dvdrental_etl.verify import run

    if state.file is None:
        return
    config = tmp_path / "credentials.json"
    config.write_bytes(state.file)
    config.chmod(0o600)
    assert run.main([str(config)]) in (3, 7)
    assert capsys.readouterr().err.startswith("verify: error: ")
