"""What a load finds in the source before it reads: totals, key ranges, and from both what has to be read."""

from dataclasses import replace
from functools import partial

from dvdrental_etl.extract import catalog, changes, key_ranges
from dvdrental_etl.extract.catalog import Catalog
from dvdrental_etl.extract.changes import Changes, Extent, Watermark
from dvdrental_etl.model.key_ranges import row_count
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Fact
from dvdrental_etl.model.totals import Totals
from dvdrental_etl.pipeline.context import Extraction, LoadContext, SourceState


def read(context: LoadContext, extraction: Extraction, watermark: Watermark | None) -> SourceState:
    """Check the source's catalogue, scan its tables, and decide what to read. Needs the source's snapshot.

    watermark: of the last published load; None before the first one. Spark starts in the background as soon as it is
    likely that rows will be read.
    """
    source, tables = extraction.source, extraction.tables
    found = catalog.check(source, tables)
    reason = _reason_for_full(context, extraction, found, watermark)
    totals, seen = _scan(context, extraction, found.tables[0], None if reason else watermark)
    if watermark and not reason:
        extent = changes.affected(source, tables, watermark, seen, context.limits)
    else:
        extent = changes.everything(reason or "nothing is loaded yet")
    context.report(f"reads {extent.reason}")
    if not extent.is_empty:
        extraction.start_spark(True)
    snapshot = source.snapshot
    return SourceState(
        grain=tables[0].name,
        tables=found.tables,
        snapshot=snapshot.visible,
        lsn=snapshot.lsn,
        identity=catalog.identity(source, found),
        extent=extent,
        counts=seen.counts,
        totals=totals,
    )


def _scan(
    context: LoadContext, extraction: Extraction, grain: SourceTable, watermark: Watermark | None
) -> tuple[Totals, Changes]:
    """The grain's totals; key ranges of all tables; and what was written since the watermark, if there is one.

    grain: with the types of its columns in the source.
    """
    source, tables, limits = extraction.source, extraction.tables, context.limits
    before = watermark.counts if watermark else {}
    expected = {
        table.name: key_ranges.with_new_last_range(source, table, before.get(table.name, {}))
        for table in tables
    }
    grown = {name for name in before if row_count(expected[name]) > row_count(before[name])}
    if grown or not watermark:
        extraction.start_spark(not watermark or grain.name in grown)
    quick = (
        [
            partial(changes.written_since, table=t, horizon=watermark.horizon, most=limits.changed_keys)
            for t in tables
        ]
        if watermark
        else []
    )
    reconciled = context.target.reconciled if isinstance(context.target, Fact) else None
    slow = (partial(key_ranges.count, table=table, expected=expected[table.name]) for table in tables)
    results = source.in_parallel(*quick, lambda s: s.totals(grain, reconciled), *slow)
    written = [next(results) for _ in quick]
    if any(written):  # a row of another table may be one that no row of the grain is joined to
        extraction.start_spark(bool(written[0]))
    totals, *counted = results
    names = [table.name for table in tables]
    return totals, Changes(dict(zip(names, written, strict=False)), dict(zip(names, counted, strict=True)))


def _reason_for_full(
    context: LoadContext, extraction: Extraction, found: Catalog, watermark: Watermark | None
) -> str | None:
    """Why everything is read; None if the changes may be enough."""
    if extraction.full_refresh:
        return "--full-refresh was given"
    if watermark is None:
        return "nothing is loaded yet"
    if watermark.code_digest != extraction.code_digest:
        return "the code has changed"
    return changes.reason_for_full(extraction.source, found, watermark, context.batch.as_of, context.limits)


def with_everything(state: SourceState, why: str) -> SourceState:
    """The same state, with everything to read."""
    extent: Extent = changes.everything(why)
    return replace(state, extent=extent)
