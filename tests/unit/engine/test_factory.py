"""Which engine runs a job, and where Sail may not."""

import importlib.util
import os
import pwd
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dvdrental_etl.config import Database, EngineChoice
from dvdrental_etl.engine import session, shared_host
from dvdrental_etl.engine.base import SharedSnapshot, TableRead
from dvdrental_etl.engine.factory import chosen_engine
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.source_tables import SourceTable

SAIL = EngineChoice("sail")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with Sail, whose accounts are given: name -> (number, shell). We are number 1000."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found("os" if name == "pysail" else name))
    monkeypatch.setattr(os, "getuid", lambda: 1000)

    def make(accounts, services="files systemd"):
        listed = [
            SimpleNamespace(pw_name=name, pw_uid=number, pw_shell=shell)
            for name, (number, shell) in accounts.items()
        ]
        monkeypatch.setattr(pwd, "getpwall", lambda: listed)
        (tmp_path / "nsswitch.conf").write_text(f"group: nis\npasswd:  {services}\n")
        monkeypatch.setattr(shared_host, "NSSWITCH", tmp_path / "nsswitch.conf")

    return make


ALONE = {
    "root": (0, "/bin/bash"),
    "postgres": (105, "/bin/bash"),
    "me": (1000, "/bin/bash"),
    "backup": (1001, "/usr/sbin/nologin"),
    "nobody": (65534, "/bin/sh"),
}


def test_spark_is_the_default():
    assert chosen_engine(EngineChoice()).name == "Spark"


def test_sail_runs_where_nobody_else_can_log_in(machine):
    machine(ALONE)
    assert chosen_engine(SAIL).name == "Sail"


@pytest.mark.parametrize(
    ("more", "services", "named"),
    [
        ({"ann": (1002, "/bin/sh")}, "files", "1 other account of this machine (ann)"),
        (
            {"ann": (1002, "/bin/sh"), "bob": (1003, "")},
            "files",
            "2 other accounts of this machine (ann, bob)",
        ),
        ({}, "files [NOTFOUND=return] sss", "accounts of sss (/etc/nsswitch.conf), which nobody can list,"),
    ],
)
def test_sail_is_refused_where_others_can_log_in_or_nobody_knows(machine, more, services, named):
    machine(ALONE | more, services)
    with pytest.raises(ConfigError) as refused:
        chosen_engine(SAIL)
    assert refused.value.exit_code == 3
    assert refused.value.message == (
        f"Sail's server has no password, and {named} could connect while it starts, and act as this process"
    )
    assert "engine.on_shared_host = allow" in str(refused.value.hint)
    assert chosen_engine(EngineChoice("sail", "allow")).name == "Sail"


def test_a_table_that_is_too_large_for_memory_is_refused_before_it_is_read(machine):
    machine(ALONE)
    reads = [
        TableRead(SourceTable(name, "a int", "a"), name, ("TRUE",), rows)
        for name, rows in (("payment", 11), ("rental", 12))
    ]
    nowhere = SharedSnapshot(Database("jdbc:postgresql://h/d", "u", "p", "s"), ())
    with pytest.raises(ConfigError, match=r"rental has 12 rows, .* takes 11 -> let Spark load it"):
        chosen_engine(SAIL).read(cast(Any, None), nowhere, reads, Limits(sail_rows=11))


@pytest.mark.parametrize(
    ("package", "start"), [("pysail", lambda: chosen_engine(SAIL)), ("py4j", lambda: session.start("x"))]
)
def test_a_python_without_the_engine_is_named(monkeypatch, package, start):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(ConfigError, match=r"is not installed in this Python.* -> make "):
        start()
