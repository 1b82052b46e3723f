"""What a load finds in the source before it reads: totals, key ranges, and from both what has to be read."""

from dataclasses import replace
from functools import partial

from dvdrental_etl.extract import catalog, changes, key_ranges
from dvdrental_etl.extract.catalog import Catalog
from dvdrental_etl.extract.changes import Changes, Extent, Watermark
from dvdrental_etl.model.key_ranges import row_count
from dvdrental_etl.model.targets import Fact
from dvdrental_etl.pipeline.context import Extraction, LoadContext, SourceState


def read(context: LoadContext, extraction: Extraction, watermark: Watermark | None) -> SourceState:
    """Check the source's catalogue, scan its tables, and decide what to read. Needs the source's snapshot.

    watermark: of the last published load; None before the first one. Spark starts in the background as soon as it is
    likely that rows will be read.
    """
    source, tables, limits = extraction.source, extraction.tables, context.limits
    found = catalog.check(source, tables)
    reason = _reason_for_full(context, extraction, found, watermark)
    if reason:
        watermark = None
    before = watermark.counts if watermark else {}
    expected = {
        table.name: key_ranges.with_new_last_range(source, table, before.get(table.name, {}))
        for table in tables
    }
    grown = {name for name in before if row_count(expected[name]) > row_count(before[name])}
    if reason or grown:
        extraction.start_spark(bool(reason) or tables[0].name in grown)
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
    results = source.in_parallel(*quick, lambda s: s.totals(found.tables[0], reconciled), *slow)
    written = [next(results) for _ in quick]
    if any(written):
        extraction.start_spark(
            bool(written[0])
        )  # of another table, it may be a row that no row of the grain is joined to
    totals, *counted = results
    names = [table.name for table in tables]
    counts = dict(zip(names, counted, strict=True))
    if watermark:
        seen = Changes(dict(zip(names, written, strict=True)), counts)
        extent = changes.affected(source, tables, watermark, seen, limits)
    else:
        assert reason
        extent = changes.everything(reason)
    context.report(f"reads {extent.reason}")
    if not extent.is_empty:
        extraction.start_spark(True)
    snapshot = source.snapshot
    return SourceState(
        grain=names[0],
        tables=found.tables,
        snapshot=snapshot.visible,
        lsn=snapshot.lsn,
        identity=catalog.identity(source, found),
        extent=extent,
        counts=counts,
        totals=totals,
    )


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
