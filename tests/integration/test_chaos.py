"""Faults drawn by a seed, one after another, in one source and one warehouse: after each, a load makes all right.

`make chaos FAULTS=300 SEED=1` runs as many as wanted, and writes docs/chaos.md. Every day there are a few.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sandbox.server import Sandbox
from tests.support.aftermath import (
    check_clean,
    check_equals_undisturbed,
    undisturbed,
    wait_for_sessions_to_end,
    wait_for_the_server,
)
from tests.support.chaos import QUICK, ROOTS, SLOW, Scene
from tests.support.environment import TABLES, Environment
from tests.support.paths import ROOT

FAULTS, SEED = int(os.environ.get("DVDRENTAL_CHAOS", "3")), int(os.environ.get("DVDRENTAL_SEED", "1"))
IS_LONG = "DVDRENTAL_CHAOS" in os.environ
PAGE = os.environ.get("DVDRENTAL_CHAOS_PAGE")  # read here: a test sees no variable of ours
log = logging.getLogger("chaos")
#: A load that waits gives up after seconds, not minutes.
HASTY = {
    "look_seconds": 1,
    "silent_seconds": 2,
    "connect_seconds": 2,
    "read_seconds": 4,
    "lock_seconds": 3,
    "idle_seconds": 1,
}
#: What happens to the rows of a table before its load is disturbed.
CHANGES = {
    "dim_customer": "UPDATE customer SET store_id = 3 - store_id WHERE customer_id % 3 = {n} % 3",
    "dim_movie": "UPDATE film SET rental_rate = rental_rate + 0.01 WHERE film_id % 5 = {n} % 5",
    "dim_store": "UPDATE store SET address_id = 1 + {n} % 20 WHERE store_id = 1 + {n} % 2",
    "dim_staff": "UPDATE staff SET active = NOT active WHERE staff_id = 1 + {n} % 2",
    "fact_sales": "UPDATE payment SET amount = amount + 0.01 WHERE payment_id % 7 = {n} % 7;"
    " DELETE FROM payment WHERE payment_id = (SELECT max(payment_id) FROM payment);"
    " INSERT INTO payment (payment_id, customer_id, staff_id, rental_id, amount, payment_date)"
    " SELECT {n} + 100000, customer_id, staff_id, rental_id, 1.23, '2007-05-20' FROM rental LIMIT 1",
}

#: Kinds that need the tables, so that no first load is disturbed by them; and kinds that change rows of other tables.
NEED_TABLES = {"warehouse table locked", "disk of staging full"}
CHANGE_MORE = {"writer on the source, 500 transactions a second"}


@dataclass
class Tally:
    """Per kind of fault: how the disturbed loads ended."""

    codes: dict[str, Counter[int]] = field(default_factory=dict)
    again: int = 0  # a second load was needed to remove what the first could not

    def add(self, kind: str, code: int) -> None:
        self.codes.setdefault(kind, Counter())[code] += 1

    def table(self) -> str:
        """As a table in Markdown."""
        lines = ["| fault | times | how the disturbed load ended |", "|---|---|---|"]
        for kind, codes in sorted(self.codes.items()):
            ends = ", ".join(f"{_named(code)} {times}" for code, times in sorted(codes.items()))
            lines.append(f"| {kind} | {codes.total()} | {ends} |")
        return "\n".join(lines)

    def write(self, page: Path) -> None:
        """Into the page, between its two marks."""
        before, rest = page.read_text().split("<!-- counts -->\n")[:2]
        after = rest.split("<!-- end of counts -->\n")[1]
        total = sum(codes.total() for codes in self.codes.values())
        said = (
            f"Seed {SEED}, {total} faults, after each of which all checks passed;"
            f" {self.again} times a second load was needed."
        )
        page.write_text(f"{before}<!-- counts -->\n{said}\n\n{self.table()}\n<!-- end of counts -->\n{after}")


def _named(code: int) -> str:
    return "killed" if code < 0 else f"exit {code}:"


def check(env: Environment, table: str, tally: Tally) -> None:
    """The star is right, and nothing is left behind."""
    wait_for_sessions_to_end(env)
    if env.staging_tables():  # its writer was not dead yet: the next attempt removes it
        tally.again += 1
        env.load(table)
    check_clean(env)


def test_chaos(empty: Environment, server: Sandbox) -> None:
    env, chance, tally = empty, Random(SEED), Tally()
    env.limit(**HASTY)
    env.load_all()
    kinds = QUICK | SLOW | (ROOTS if os.geteuid() == 0 else {}) if IS_LONG else QUICK
    for number in range(FAULTS):
        weights = [1 if kind in SLOW else 3 for kind in kinds]
        ((kind, fault),) = chance.choices(list(kinds.items()), weights)
        table, is_first = chance.choice(TABLES), chance.random() < 0.1 and kind not in NEED_TABLES
        flags = ("--full-refresh",) if chance.random() < 0.25 else ()
        if is_first:
            env.warehouse("DROP SCHEMA dw CASCADE")
            env.seen_keys.clear()
        env.source(CHANGES[table].format(n=number))
        what = f"seed {SEED}, fault {number}: {kind}, {table} {' '.join(flags)}"
        log.info("%s", what)
        outcome, allowed = fault(Scene(env, server, table, flags, chance))
        assert outcome.code in allowed, f"{what}: {outcome}"
        env.check_output(outcome)
        tally.add(kind, outcome.code)
        wait_for_the_server(env)
        if is_first or kind in CHANGE_MORE or number % 10 == 9:
            env.load_all()
        for again in dict.fromkeys((table, "fact_sales")):  # facts follow the versions of their time
            env.load(again)
        check(env, table, tally)
        if number % 25 == 24:
            check_equals_undisturbed(env, undisturbed(env, server, number))
    check_equals_undisturbed(env, undisturbed(env, server, FAULTS))
    log.info("%d times a second load was needed\n%s", tally.again, tally.table())
    if PAGE:
        tally.write(ROOT / PAGE)
