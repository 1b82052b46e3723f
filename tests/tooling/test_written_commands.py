"""The commands that the pages show: each target, script and flag in them exists."""

import re
import shlex
from types import SimpleNamespace

import pytest

from dvdrental_etl.pipeline import command_line
from sandbox.arguments import parser
from tests.support.paths import ROOT
from tests.support.written_commands import commands

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
COMMANDS = sorted(set(commands(PAGES)))
MAKE = [command for command in COMMANDS if command.startswith("make ")]
SCRIPTS = [command for command in COMMANDS if re.search(r"spark_apps/load_\w+\.py", command)]
SANDBOX = [command for command in COMMANDS if "-m sandbox " in command]


def test_there_are_commands():
    assert len(MAKE) > 15
    assert len(SCRIPTS) >= 4
    assert len(SANDBOX) >= 3


@pytest.mark.parametrize("command", MAKE)
def test_a_target_of_make_exists(command):
    words = [word for word in shlex.split(command)[1:] if "=" not in word and not word.startswith("build/")]
    assert set(words) <= TARGETS


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_script_takes_its_flags(command):
    _, script, arguments = re.split(r"(spark_apps/load_\w+\.py)", command)
    assert (ROOT / script).is_file()
    if "--help" not in arguments:
        command_line.parse(SimpleNamespace(table="any"), "", shlex.split(arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("command", SANDBOX)
def test_the_sandbox_takes_its_arguments(command):
    parser().parse_args(shlex.split(command.split("-m sandbox ")[1].split(" -- ")[0]))
