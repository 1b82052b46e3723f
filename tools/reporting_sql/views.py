"""The views for analysts: <dimension>_current, one row per member, and v_<fact>, one row per fact with all it joins.

Text is never NULL in them, so that no filter loses a row unseen: Unknown (member -1), Not yet known (an inferred
member), (none) (the source has no value), Not yet happened (a date that is still to come).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dvdrental_etl.model.contract import Column, columns_of
from dvdrental_etl.model.targets import Scd2Dimension
from dvdrental_etl.publish.statements import FOREVER
from tools.reporting_sql.notes import TRACKED, Documented, documented
from tools.reporting_sql.references import CALENDAR, Reference, references
from tools.verify_sql.star import Star

#: What leads to one person or place, or is prose: it stays in the dimension, and out of the wide view.
DETAILS = frozenset({"address", "address2", "postal_code", "phone", "email", "description"})
#: Version columns that a view of current versions has as well.
KEPT = ("valid_from", "is_deleted", "is_inferred")
LABEL = "varchar(400)"
YEAR_MONTH = Column("year_month", "varchar(20)")


@dataclass(frozen=True)
class Item:
    """One column of a view: its expression, name, type and note."""

    sql: str
    name: str
    type: str
    note: str


@dataclass(frozen=True)
class View:
    """A view: its note, its columns, and what follows FROM."""

    name: str
    note: str
    items: Sequence[Item]
    source: str

    @property
    def sql(self) -> str:
        """The statement that makes it."""
        listed = ",\n    ".join(
            item.sql if item.sql.split(".")[-1] == item.name else f"{item.sql} AS {item.name}"
            for item in self.items
        )
        return f"CREATE OR REPLACE VIEW {self.name} AS\nSELECT\n    {listed}\nFROM {self.source}"

    @property
    def documented(self) -> Documented:
        """What it is, for comments and pages."""
        return Documented(self.name, self.note, tuple((Column(i.name, i.type), i.note) for i in self.items))


def views(star: Star) -> list[View]:
    """Every view, in an order in which they can be made."""
    return [*(current(dimension) for dimension in star.dimensions), wide(star)]


def date_roles(star: Star) -> list[Documented]:
    """The calendar's views that create_dim_date.sql makes: payment_date_key has dim_payment_date."""
    calendar = documented(CALENDAR)
    return [
        Documented(
            f"dim_{one.role}", f"{CALENDAR}, to be joined on {star.fact.table}.{one.column}", calendar.columns
        )
        for one in references(star)
        if one.dimension == CALENDAR
    ]


def attributes(dimension: Scd2Dimension, version: str) -> Iterator[Item]:
    """What describes a member, from one of its versions; a person's first and last name also as one name."""
    columns, notes = dimension.attributes, documented(dimension.table).notes
    names = {column.name for column in columns}
    for column in columns:
        note = notes[column.name].removeprefix(TRACKED)
        is_text = column.type.startswith("varchar")
        value = f"{version}.{column.name}"
        if column.name.endswith("first_name") and (last := column.name.replace("first", "last")) in names:
            whole = f"{value} || ' ' || {version}.{last}"
            name = column.name.replace("first_name", "name")
            yield Item(_label(dimension, version, whole), name, LABEL, "first and last name")
        yield Item(_label(dimension, version, value) if is_text else value, column.name, column.type, note)


def _label(dimension: Scd2Dimension, version: str, text: str) -> str:
    """A text that is never NULL."""
    return (
        f"CASE WHEN {version}.{dimension.key} < 0 THEN 'Unknown' WHEN {version}.is_inferred THEN 'Not yet known'"
        f" ELSE COALESCE({text}, '(none)') END"
    )


def current(dimension: Scd2Dimension) -> View:
    """One row per member, with its latest version."""
    table, about = documented(dimension.table), dimension.table.removeprefix("dim_")
    given = {
        column.name: Item(f"d.{column.name}", column.name, column.type, note)
        for column, note in table.columns
    }
    return View(
        f"{dimension.table}_current",
        f"One row per {about}: the latest version in {dimension.table}, deleted members and member -1 included.",
        [
            given[dimension.key],
            given[dimension.natural_key],
            *attributes(dimension, "d"),
            *(given[n] for n in KEPT),
        ],
        # The same as is_current. By this condition and an index, PostgreSQL knows that a member has one row, and leaves
        # the join out of a query that names none of its columns.
        f"{dimension.table} d\nWHERE d.valid_to = {FOREVER}",
    )


def wide(star: Star) -> View:
    """One row per fact, with each dimension as it was at the event and as it is now."""
    fact, keyed = star.fact, references(star)
    targets = {dimension.table: dimension for dimension in star.dimensions}
    own = {one.column for one in keyed} | {"batch_id"}
    items = [
        Item(f"f.{column.name}", column.name, column.type, note)
        for column, note in documented(fact.table).columns
        if column.name not in own
    ]
    joins = [f"{fact.table} f"]
    for one in keyed:
        joins.append(f"LEFT JOIN {one.dimension} {one.role} ON {one.role}.{one.key} = f.{one.column}")
        if one.dimension == CALENDAR:
            items += _day(one)
            continue
        target, now = targets[one.dimension], f"{one.role}_now"
        natural = target.natural_key
        joins.append(f"LEFT JOIN {one.dimension}_current {now} ON {now}.{natural} = {one.role}.{natural}")
        items += _member(one, target, documented(fact.table).notes[one.column])
    return View(
        f"v_{fact.table.removeprefix('fact_')}",
        f"{documented(fact.table).note} Each with its dates, and with its members as they were then; columns that end"
        " in _now show them as they are today. Text is never NULL: Unknown, Not yet known, Not yet happened, (none).",
        items,
        "\n".join(joins),
    )


def _day(one: Reference) -> Iterator[Item]:
    """A date's columns, under the name of its role, and its year and month as one label."""
    prefix, role = one.role.removesuffix("_date"), one.role
    for column, note in documented(CALENDAR).columns:
        if column.name == primary_key_of_calendar():
            continue
        name = one.role if column.name == "date" else _named(prefix, column.name)
        yield Item(f"{role}.{column.name}", name, column.type, f"{prefix}: {note}")
        if column.name == "month_name":
            label = f"CASE WHEN {role}.date_key < 0 THEN {role}.month_name ELSE TO_CHAR({role}.date, 'YYYY-MM') END"
            yield Item(
                label,
                f"{prefix}_{YEAR_MONTH.name}",
                YEAR_MONTH.type,
                f"{prefix}: such as 2007-02; or the label of -1 and -2",
            )


def primary_key_of_calendar() -> str:
    """The calendar's key, which the wide view leaves out."""
    return columns_of(CALENDAR)[0].name


def _member(one: Reference, target: Scd2Dimension, meaning: str) -> Iterator[Item]:
    """A dimension's columns as they were at the event, and those with history as they are now."""
    role, natural = one.role, target.natural_key
    yield Item(f"{role}.{natural}", natural, columns_of(target.table)[1].type, f"{role}: {meaning}")
    tracked = {name.replace("first_name", "name") for name in target.tracked} | set(target.tracked)
    for item in attributes(target, role):
        if item.name in DETAILS or item.name.endswith(("first_name", "last_name")):
            continue
        named = _named(role, item.name)
        if item.name not in tracked:
            yield Item(item.sql, named, item.type, f"{role}: {item.note}")
            continue
        yield Item(item.sql, named, item.type, f"{role}: {item.note}; as it was then")
        yield Item(f"{role}_now.{item.name}", f"{named}_now", item.type, f"{role}: {item.note}; as it is now")
    yield Item(
        f"{role}_now.is_deleted", f"{role}_is_deleted_now", "boolean", f"{role}: the source no longer has it"
    )


def _named(prefix: str, name: str) -> str:
    """payment and is_weekend: payment_is_weekend."""
    return f"{prefix}_{name}"
