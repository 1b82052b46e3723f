"""Rows on their way to COPY: as CSV, from the driver and from executors, and what is reported about them."""

import datetime as dt
import hashlib
import io
import os
from decimal import Decimal

import pyarrow as pa
import pytest

from dvdrental_etl.engine.spark import Spark
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.rules import Severity
from dvdrental_etl.pipeline import gate
from dvdrental_etl.staging import copy, send
from dvdrental_etl.staging.results import RuleWarning, Staged
from dvdrental_etl.staging.send import Outgoing
from tests.support.rows import MEMBER, MEMBER_COLUMNS, MEMBER_TEXT, SALE, SALE_COLUMNS, SALES, STAFF


def encoded(values, kind, verdict=None, most_rejects=20_000):
    """The CSV of a column of values, each behind its number, and all receipts."""
    broken = verdict or [None] * len(values)
    batch = pa.record_batch(
        {
            "n": pa.array(range(len(values)), pa.int32()),
            "v": pa.array(values, kind),
            "reject": pa.array(broken, pa.string()),
            "warned": pa.nulls(len(values), pa.string()),
        }
    )
    sink = lambda rows: ({"csv": chunk} for chunk in copy._csv(rows))  # noqa: E731
    found = send._encode(
        [batch], columns=("n", "v"), grain_key="n", warnings=(), most_rejects=most_rejects, sink=sink
    )
    receipts = list(found)
    return b"".join(row["csv"] or b"" for row in receipts), receipts


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, b"0,\n"),
        ("", b'0,""\n'),
        ("plain", b'0,"plain"\n'),
        (" padded ", b'0," padded "\n'),
        ('say "no"', b'0,"say ""no"""\n'),
        ("a,b;c\td", b'0,"a,b;c\td"\n'),
        ("two\nlines\r\n", b'0,"two\nlines\r\n"\n'),
        ("back\\slash\\n", b'0,"back\\slash\\n"\n'),
        ("\\.", b'0,"\\."\n'),
        ("\\N", b'0,"\\N"\n'),
        ("NULL", b'0,"NULL"\n'),
        ("Zoë in 東京 🎬", b'0,"Zo\xc3\xab in \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x8e\xac"\n'),
    ],
)
def test_text_as_csv(value, written):
    assert encoded([value], pa.string())[0] == written


@pytest.mark.parametrize(
    ("values", "kind", "written"),
    [
        ([True, False, None], pa.bool_(), b"0,true\n1,false\n2,\n"),
        ([0, -32768, None], pa.int16(), b"0,0\n1,-32768\n2,\n"),
        ([9223372036854775807], pa.int64(), b"0,9223372036854775807\n"),
        (
            [Decimal("7.99"), Decimal("0.00"), Decimal("-1.50"), Decimal("999.99"), None],
            pa.decimal128(5, 2),
            b"0,7.99\n1,0.00\n2,-1.50\n3,999.99\n4,\n",
        ),
        ([dt.date(2006, 2, 14), dt.date(1900, 1, 1), None], pa.date32(), b"0,2006-02-14\n1,1900-01-01\n2,\n"),
        (
            [
                dt.datetime.fromisoformat("2007-02-14 21:21:59.996577"),
                dt.datetime.fromisoformat("2007-02-14 00:00:00"),
                dt.datetime.fromisoformat("1969-12-31 23:59:59.000001"),
                None,
            ],
            pa.timestamp("us"),
            b"0,2007-02-14 21:21:59.996577\n1,2007-02-14 00:00:00.000000\n2,1969-12-31 23:59:59.000001\n3,\n",
        ),
    ],
    ids=["boolean", "smallint", "bigint", "numeric", "date", "timestamp"],
)
def test_values_as_csv(values, kind, written):
    assert encoded(values, kind)[0] == written


def test_broken_rows_are_not_sent_but_handed_back_and_both_are_counted():
    written, receipts = encoded(["a", "b", "c"], pa.string(), verdict=[None, '{"rule":"rule"}', None])
    assert written == b'0,"a"\n2,"c"\n'
    assert [row["rule"] for row in receipts] == [None, "rule", None]
    assert (receipts[-1]["staged"], receipts[-1]["rejected"]) == (2, 1)


def test_of_very_many_broken_rows_all_are_counted_and_some_are_kept():
    verdict = [f'{{"rule":"r{n}"}}' for n in (1, 2, 3)]
    written, receipts = encoded(["a", "b", "c"], pa.string(), verdict, most_rejects=2)
    assert written == b""
    assert [row["rule"] for row in receipts] == ["r1", "r2", None]
    assert (receipts[-1]["staged"], receipts[-1]["rejected"]) == (0, 3)


def streamed(frame, target):
    """What a load sends to COPY and what it reports: the same from the driver as from executors."""
    results = []
    for rows in (DEFAULT_LIMITS.rows_sent_by_driver, DEFAULT_LIMITS.rows_sent_by_driver + 1):
        sent = io.BytesIO()

        def read(file, to=sent):
            to.write(file.read())

        staged = copy.stage_in_transaction(Outgoing(frame, target, rows, DEFAULT_LIMITS, Spark()), read)
        results.append((sent.getvalue(), staged))
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize(("expected", "is_here"), [(100_000, True), (100_001, False)])
def test_few_rows_are_sent_from_here_and_many_from_executors(framed, expected, is_here):
    def sink(rows):
        yield {"url": str(os.getpid()), "length": sum(batch.num_rows for batch in rows)}

    outgoing = Outgoing(framed(SALE_COLUMNS, [SALE]), SALES, expected, DEFAULT_LIMITS, Spark())
    (sent, counted) = outgoing.send(sink)
    assert (sent.length, counted.staged, counted.rejected) == (1, 1, 0)
    assert (sent.url == str(os.getpid())) is is_here


def test_a_member_as_it_enters_copy(framed):
    sent, staged = streamed(framed(MEMBER_COLUMNS, [MEMBER]), STAFF)
    digest = hashlib.md5(MEMBER_TEXT.encode()).hexdigest().encode()
    assert sent == (
        b'1,"Mike","Hillyer","Mike.Hillyer@sakilastaff.com","23 Workhaven Lane",,"Alberta","Lethbridge",'
        b'"Canada","","14033335568",true,1,2006-05-16 16:13:11.793280,"' + digest + b'"\n'
    )
    assert staged == Staged(rows=1)


def test_facts_as_they_enter_copy_and_a_broken_one_as_it_is_quarantined(framed):
    frame = framed(
        SALE_COLUMNS,
        [SALE, SALE | {"sales_key": 2, "sales_amount": None}, SALE | {"sales_key": 3, "film_id": None}],
    )
    sent, staged = streamed(frame, SALES)
    assert sent == (
        b"17503,20070215,20050615,-2,341,2,1,749,7.99,1520,2007-02-15 22:25:46.996577\n"
        b"3,20070215,20050615,-2,341,2,1,,7.99,1520,2007-02-15 22:25:46.996577\n"
    )
    assert (staged.rows, staged.rejected) == (2, 1)
    (reject,) = staged.rejects
    assert (reject.natural_key, reject.rule, reject.column) == ("2", "not null", "sales_amount")
    assert reject.value is None
    assert reject.row["customer_id"] == 341
    assert str(reject.row["payment_ts"]).startswith("2007-02-15T22:25:46.99")
    assert gate.reject_totals(SALES, staged.rejects) == {dt.date(2007, 2, 15): (1, None)}


def test_quarantined_money_stays_exact_on_its_way(framed):
    frame = framed(SALE_COLUMNS, [SALE | {"payment_ts": None, "sales_amount": Decimal("0.10")}])
    _, staged = streamed(frame, SALES)
    amount = staged.rejects[0].row["sales_amount"]
    assert amount == "0.10"
    assert gate.reject_totals(SALES, staged.rejects) == {None: (1, Decimal("0.10"))}


def test_an_empty_frame_sends_nothing(framed):
    assert streamed(framed(SALE_COLUMNS, []), SALES) == (b"", Staged())


def test_copy_reads_chunks_of_any_size_as_one_file():
    chunks = [b"", b"1,a\n", b"2,b\n" * 400_000, b"", b"3,c\n"]
    file = copy._as_file(iter(chunks))
    read = [file.read(3), file.read(1 << 20), file.read()]
    assert b"".join(read) == b"1,a\n" + b"2,b\n" * 400_000 + b"3,c\n"


def test_where_executors_copy_to_is_never_shown():
    target = copy.CopyTarget({"host": "h", "password": "s3cret"}, "COPY t FROM STDIN")
    assert repr(target) == "CopyTarget('COPY t FROM STDIN')"


def test_a_member_that_takes_the_key_of_the_unknown_stops_the_load(framed):
    _, staged = streamed(framed(MEMBER_COLUMNS, [MEMBER, MEMBER | {"staff_id": -1}]), STAFF)
    assert [reject.severity for reject in staged.rejects] == [Severity.STOP]


def test_a_row_that_only_warns_is_loaded_and_counted(framed):
    rows = [
        SALE,
        SALE | {"sales_key": 2, "sales_amount": Decimal("-0.01")},
        SALE | {"sales_key": 3, "sales_amount": Decimal("-5.00"), "payment_date_key": -1},
        SALE
        | {
            "sales_key": 4,
            "sales_amount": Decimal("-5.00"),
            "payment_ts": None,
        },  # quarantined, so not loaded
    ]
    sent, staged = streamed(framed(SALE_COLUMNS, rows), SALES)
    assert len(sent.splitlines()) == staged.rows == 3
    assert staged.rejected == 1
    assert staged.warnings == (
        RuleWarning("sales_amount", "0.00 or more", 2, "2"),
        RuleWarning("payment_date_key", "a day of dim_date", 1, "3"),
    )
    assert str(staged.warnings[0]) == "sales_amount '0.00 or more': 2 rows, such as 2"
