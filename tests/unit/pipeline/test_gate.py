"""The gate. Rows: what is rejected, hashed and sent as CSV. Loads: what stops a publish, and with which words."""

import datetime as dt
import hashlib
import json
import os
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import load_dim_movie
import load_dim_staff
import load_fact_sales
from dvdrental_etl.errors import GateRefused
from dvdrental_etl.model.rules import Rule, Severity, rules
from dvdrental_etl.pipeline import gate
from dvdrental_etl.pipeline.gate import Reject, Warned
from dvdrental_etl.staging import copy, send

STAFF, SALES = load_dim_staff.TARGET, load_fact_sales.TARGET

MEMBER_COLUMNS = (
    "staff_id int, first_name string, last_name string, email string, address string, address2 string,"
    " district string, city string, country string, postal_code string, phone string, active boolean,"
    " store_id int, changed_at timestamp_ntz"
)
MEMBER = {
    "staff_id": 1,
    "first_name": "Mike",
    "last_name": "Hillyer",
    "email": "Mike.Hillyer@sakilastaff.com",
    "address": "23 Workhaven Lane",
    "address2": None,
    "district": "Alberta",
    "city": "Lethbridge",
    "country": "Canada",
    "postal_code": "",
    "phone": "14033335568",
    "active": True,
    "store_id": 1,
    "changed_at": dt.datetime.fromisoformat("2006-05-16 16:13:11.793280"),
}
MEMBER_JSON = (
    '{"address":"23 Workhaven Lane","address2":null,"district":"Alberta","city":"Lethbridge",'
    '"country":"Canada","active":true,"store_id":1}'
)

SALE_COLUMNS = (
    "sales_key bigint, payment_date_key int, rental_date_key int, return_date_key int, customer_id int,"
    " staff_id int, store_id int, film_id int, sales_amount decimal(5,2), rental_id bigint,"
    " payment_ts timestamp_ntz"
)
SALE = {
    "sales_key": 17503,
    "payment_date_key": 20070215,
    "rental_date_key": 20050615,
    "return_date_key": -2,
    "customer_id": 341,
    "staff_id": 2,
    "store_id": 1,
    "film_id": 749,
    "sales_amount": Decimal("7.99"),
    "rental_id": 1520,
    "payment_ts": dt.datetime.fromisoformat("2007-02-15 22:25:46.996577"),
}

# Rows: verdicts.


def test_the_rules_of_a_fact_are_what_its_ddl_and_the_list_of_rules_say():
    required = (
        "sales_key",
        "payment_date_key",
        "rental_date_key",
        "return_date_key",
        "sales_amount",
        "payment_ts",
    )
    assert rules(SALES) == (
        *(Rule(column, "not null", f"{column} IS NULL", Severity.QUARANTINE) for column in required),
        Rule("sales_amount", "0.00 or more", "sales_amount < 0", Severity.WARN),
        Rule("payment_date_key", "a day of dim_date", "payment_date_key = -1", Severity.WARN),
        Rule("customer_id", "refers to a customer", "customer_id IS NULL", Severity.WARN),
    )


def test_the_rules_of_a_dimension_are_what_its_ddl_and_the_list_of_rules_say():
    texts = {
        **dict.fromkeys(("first_name", "last_name"), 180),
        **dict.fromkeys(("email", "address", "address2"), 200),
        "district": 80,
        "city": 200,
        "country": 200,
        "postal_code": 40,
        "phone": 80,
    }
    assert rules(STAFF) == (
        Rule("staff_id", "not null", "staff_id IS NULL", Severity.QUARANTINE),
        *(Rule(name, f"at most {n} bytes", f"octet_length({name}) > {n}") for name, n in texts.items()),
        Rule("staff_id", "not -1, which is Unknown", "staff_id = -1", Severity.STOP),
        Rule("store_id", "refers to a store", "store_id IS NULL", Severity.WARN),
    )


@pytest.mark.parametrize(("column", "value"), [("rental_rate", "-0.01"), ("replacement_cost", "-1.00")])
def test_money_below_zero_keeps_a_film_out(framed, column, value):
    film = {
        "film_id": 1,
        "title": "A",
        "description": None,
        "release_year": 2006,
        "language": "English",
        "rental_duration": 3,
        "rental_rate": Decimal("0.00"),
        "length": 90,
        "category": None,
        "replacement_cost": Decimal("0.00"),
        "rating": "G",
        "special_features": None,
        "changed_at": None,
    }
    columns = (
        "film_id int, title string, description string, release_year int, language string,"
        " rental_duration smallint, rental_rate decimal(4,2), length smallint, replacement_cost decimal(5,2),"
        " rating string, category string, special_features string, changed_at timestamp_ntz"
    )
    frame = framed(columns, [film, film | {"film_id": 2, column: Decimal(value)}])
    assert verdicts(frame, load_dim_movie.TARGET, "film_id") == {
        1: (None, None, None, None),
        2: ("2", "0.00 or more", column, value),
    }


def test_a_member_that_takes_the_key_of_the_unknown_stops_the_load(framed):
    _, staged = streamed(framed(MEMBER_COLUMNS, [MEMBER, MEMBER | {"staff_id": -1}]), STAFF)
    assert [reject.severity for reject in staged.rejects] == [Severity.STOP]
    assert refusal(gate.require_none_that_stops, "dim_staff", staged.rejects) == (
        "gate: dim_staff: staff_id -1 breaks 'not -1, which is Unknown' at key -1"
        " -> mend it in the source; the published table is unchanged"
    )
    gate.require_none_that_stops("dim_staff", [reject()])


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
        Warned("sales_amount", "0.00 or more", 2, "2"),
        Warned("payment_date_key", "a day of dim_date", 1, "3"),
    )
    assert str(staged.warnings[0]) == "sales_amount '0.00 or more': 2 rows, such as 2"


def verdicts(frame, target, key):
    """Key of each row in its frame -> key, rule, column and value of its reject."""
    rows = send.judged(frame, target).collect()
    told = {row[key]: json.loads(row["reject"] or "{}") for row in rows}
    return {
        key: tuple(one.get(name) for name in ("key", "rule", "name", "value")) for key, one in told.items()
    }


def test_a_fact_without_a_required_value_is_rejected(framed):
    frame = framed(
        SALE_COLUMNS,
        [
            SALE | {"sales_key": 1},
            SALE | {"sales_key": 2, "sales_amount": None},
            SALE | {"sales_key": 3, "payment_ts": None},
            # What may be NULL is no reason: members that nobody knows, payments without rental.
            SALE
            | {"sales_key": 4, "customer_id": None, "staff_id": None, "store_id": None}
            | {"film_id": None, "rental_id": None},
            # The first rule that a row breaks is the one that is told.
            SALE | {"sales_key": 5, "sales_amount": None, "payment_ts": None},
            SALE | {"sales_key": None},
        ],
    )
    assert verdicts(frame, SALES, "sales_key") == {
        1: (None, None, None, None),
        2: ("2", "not null", "sales_amount", None),
        3: ("3", "not null", "payment_ts", None),
        4: (None, None, None, None),
        5: ("5", "not null", "sales_amount", None),
        None: (None, "not null", "sales_key", None),
    }


def test_text_is_measured_in_bytes(framed):
    fits, too_long = "é" * 40, "é" * 40 + "x"  # 80 and 81 bytes, in 40 and 41 characters
    frame = framed(
        MEMBER_COLUMNS,
        [
            MEMBER | {"staff_id": 1, "district": "x" * 80},
            MEMBER | {"staff_id": 2, "district": "x" * 81},
            MEMBER | {"staff_id": 3, "district": fits},
            MEMBER | {"staff_id": 4, "district": too_long},
            MEMBER | {"staff_id": 5, "district": "", "city": None},
        ],
    )
    assert verdicts(frame, STAFF, "staff_id") == {
        1: (None, None, None, None),
        2: ("2", "at most 80 bytes", "district", "x" * 81),
        3: (None, None, None, None),
        4: ("4", "at most 80 bytes", "district", too_long),
        5: (None, None, None, None),
    }


def test_a_rejected_row_is_recorded_whole_and_a_good_one_is_not(framed):
    frame = framed(SALE_COLUMNS, [SALE | {"payment_ts": None}, SALE | {"sales_key": 2}])
    rows = {row["sales_key"]: row["reject"] for row in send.judged(frame, SALES).collect()}
    assert json.loads(json.loads(rows[17503])["row"], parse_float=Decimal) == {
        key: value for key, value in SALE.items() if key != "payment_ts"
    }
    assert rows[2] is None


# Rows: the hash that tells whether a member has changed.


def test_the_hash_is_md5_of_the_tracked_columns_as_json(framed):
    row = send.judged(framed(MEMBER_COLUMNS, [MEMBER]), STAFF).first()
    assert row["row_hash"] == hashlib.md5(MEMBER_JSON.encode()).hexdigest()


def test_equal_members_have_equal_hashes_and_every_tracked_column_counts(framed):
    variants = {
        1: {},
        2: {},  # the same again
        3: {"address": "24 Workhaven Lane"},
        4: {"address2": ""},  # not NULL
        5: {"district": None, "address2": "Alberta"},  # (NULL, a) is not (a, NULL)
        6: {"district": "alberta"},
        7: {"city": "Lethbridge "},
        8: {"country": None},
        9: {"active": False},
        10: {"active": None},
        11: {"store_id": 2},
        12: {"district": 'Alberta","city":"Lethbridge', "city": ""},  # no value reads as two
    }
    frame = framed(MEMBER_COLUMNS, [MEMBER | change | {"staff_id": n} for n, change in variants.items()])
    rows = send.judged(frame, STAFF).collect()
    hashes = {row["staff_id"]: row["row_hash"] for row in rows}
    assert hashes[1] == hashes[2]
    assert len(set(hashes.values())) == 11


def test_untracked_columns_leave_the_hash_alone(framed):
    untracked = {
        "staff_id": 2,
        "first_name": "M",
        "last_name": None,
        "email": None,
        "postal_code": None,
        "phone": "1",
        "changed_at": None,
    }
    frame = framed(MEMBER_COLUMNS, [MEMBER, MEMBER | untracked])
    assert len({row["row_hash"] for row in send.judged(frame, STAFF).collect()}) == 1


def test_a_fact_has_no_hash(framed):
    assert "row_hash" not in send.judged(framed(SALE_COLUMNS, [SALE]), SALES).columns


# Rows: as CSV.


def encoded(values, kind, verdict=None):
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
    receipts = [row for out in send._encode([batch], ("n", "v"), "n", (), sink) for row in out.to_pylist()]
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


def test_of_very_many_broken_rows_all_are_counted_and_some_are_kept(monkeypatch):
    monkeypatch.setattr(send, "MOST_REJECTS_PER_TASK", 2)
    written, receipts = encoded(
        ["a", "b", "c"], pa.string(), verdict=[f'{{"rule":"r{n}"}}' for n in (1, 2, 3)]
    )
    assert written == b""
    assert [row["rule"] for row in receipts] == ["r1", "r2", None]
    assert (receipts[-1]["staged"], receipts[-1]["rejected"]) == (0, 3)


def streamed(frame, target):
    """What a load sends to COPY and what it says of it: the same from executors as from the driver."""
    ways = []
    for expected in (send.FEW_ROWS, send.FEW_ROWS + 1):
        sent = []
        staged = copy.stream(frame, target, lambda file, sent=sent: sent.append(file.read()), expected)
        ways.append((b"".join(sent), staged))
    assert ways[0] == ways[1]
    return ways[0]


@pytest.mark.parametrize(("expected", "is_here"), [(100_000, True), (100_001, False)])
def test_few_rows_are_sent_from_here_and_many_from_executors(framed, expected, is_here):
    def sink(rows):
        yield {"url": str(os.getpid()), "length": sum(batch.num_rows for batch in rows)}

    judged = send.judged(framed(SALE_COLUMNS, [SALE]), SALES)
    (sent, counted) = send.send(judged, SALES, sink, expected)
    assert (sent.length, counted.staged, counted.rejected) == (1, 1, 0)
    assert (sent.url == str(os.getpid())) is is_here


def test_a_member_as_it_enters_copy(framed):
    sent, staged = streamed(framed(MEMBER_COLUMNS, [MEMBER]), STAFF)
    digest = hashlib.md5(MEMBER_JSON.encode()).hexdigest().encode()
    assert sent == (
        b'1,"Mike","Hillyer","Mike.Hillyer@sakilastaff.com","23 Workhaven Lane",,"Alberta","Lethbridge",'
        b'"Canada","","14033335568",true,1,2006-05-16 16:13:11.793280,"' + digest + b'"\n'
    )
    assert staged == send.Staged(rows=1)


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
    assert (type(amount), amount) == (Decimal, Decimal("0.10"))
    assert gate.reject_totals(SALES, staged.rejects) == {None: (1, Decimal("0.10"))}


def test_an_empty_frame_sends_nothing(framed):
    assert streamed(framed(SALE_COLUMNS, []), SALES) == (b"", send.Staged())


def test_copy_reads_chunks_of_any_size_as_one_file():
    chunks = [b"", b"1,a\n", b"2,b\n" * 400_000, b"", b"3,c\n"]
    file = copy._reader(iter(chunks))
    read = [file.read(3), file.read(1 << 20), file.read()]
    assert b"".join(read) == b"1,a\n" + b"2,b\n" * 400_000 + b"3,c\n"


def test_where_executors_copy_to_is_never_shown():
    target = copy.CopyTarget({"host": "h", "password": "s3cret"}, "COPY t FROM STDIN")
    assert repr(target) == "CopyTarget('COPY t FROM STDIN')"


# Loads: totals.


def reject(key="1", rule="not null", column="payment_ts", **row):
    return Reject(key, rule, column, None, row)


MONDAY, TUESDAY = dt.date(2007, 5, 14), dt.date(2007, 5, 15)


def test_quarantined_facts_are_totalled_by_day_as_the_source_counts_them():
    rejects = [
        reject(payment_ts="2007-05-14T13:44:29.996577", sales_amount=Decimal("2.99")),
        reject(payment_ts="2007-05-14T00:00:00", sales_amount=Decimal("0.01")),
        reject(payment_ts="2007-05-14T23:59:59"),  # no amount: a row worth nothing known
        reject(payment_ts="2007-05-15T00:00:00"),
        reject(sales_amount=Decimal("4.99")),  # no day
        reject(sales_amount=5),
    ]
    assert gate.reject_totals(SALES, rejects) == {
        MONDAY: (3, Decimal("3.00")),
        TUESDAY: (1, None),
        None: (2, Decimal("9.99")),
    }


def test_quarantined_members_are_counted_without_day_or_money():
    rejects = [reject(staff_id=1, payment_ts="2007-05-14", sales_amount=Decimal("1.00")), reject(staff_id=2)]
    assert gate.reject_totals(STAFF, rejects) == {None: (2, None)}
    assert gate.reject_totals(STAFF, []) == {}


def test_totals_are_added_day_by_day():
    assert gate.summed(
        {MONDAY: (2, Decimal("5.98")), None: (1, None)},
        {MONDAY: (1, None), TUESDAY: (1, Decimal("0.00"))},
        {None: (3, None)},
    ) == {MONDAY: (3, Decimal("5.98")), TUESDAY: (1, Decimal("0.00")), None: (4, None)}
    assert gate.summed() == {}


def test_the_whole_of_totals():
    assert gate.whole({MONDAY: (2, Decimal("5.98")), TUESDAY: (1, None)}) == (3, Decimal("5.98"))
    assert gate.whole({None: (4, None)}) == (4, None)
    assert gate.whole({MONDAY: (1, Decimal("0.00"))}) == (1, Decimal("0.00"))
    assert gate.whole({}) == (0, None)


days = st.none() | st.dates(dt.date(2007, 1, 1), dt.date(2007, 1, 4))
money = st.none() | st.decimals(-999, 999, places=2, allow_nan=False, allow_infinity=False)
totals = st.dictionaries(days, st.tuples(st.integers(1, 1000), money), max_size=5)


@given(totals, totals)
def test_adding_totals_does_not_mind_their_order(one, other):
    assert gate.summed(one, other) == gate.summed(other, one)


@given(totals, totals, totals)
def test_adding_totals_does_not_mind_their_grouping(one, two, three):
    left = gate.summed(gate.summed(one, two), three)
    right = gate.summed(one, gate.summed(two, three))
    assert left == right == gate.summed(one, two, three)


@given(totals, totals)
def test_adding_totals_keeps_the_whole(one, other):
    rows, amount = gate.whole(gate.summed(one, other))
    assert rows == gate.whole(one)[0] + gate.whole(other)[0]
    amounts = [part for part in (gate.whole(one)[1], gate.whole(other)[1]) if part is not None]
    assert amount == (sum(amounts) if amounts else None)


@given(totals)
def test_adding_nothing_changes_nothing(one):
    assert gate.summed(one, {}) == one


# Loads: what stops a publish, at its threshold and on either side of it.


def refusal(check, *arguments, **named):
    with pytest.raises(GateRefused) as refused:
        check(*arguments, **named)
    assert refused.value.exit_code == 5
    return str(refused.value)


@pytest.mark.parametrize(
    ("read", "rejected"),
    [
        (0, 0),
        (10, 10),  # ten are always allowed
        (1000, 10),
        (1099, 10),
        (1100, 11),  # one in a hundred
        (50_000, 500),
    ],
)
def test_few_rejects_pass(read, rejected):
    gate.require_few_rejects("fact_sales", read, rejected, [reject()] * rejected)


@pytest.mark.parametrize(("read", "rejected"), [(11, 11), (1000, 11), (1099, 11), (50_000, 501)])
def test_many_rejects_stop_the_load(read, rejected):
    rejects = [reject("17503", "at most 80 bytes", "district"), *[reject()] * (rejected - 1)]
    assert refusal(gate.require_few_rejects, "dim_staff", read, rejected, rejects) == (
        f"gate: dim_staff: {rejected} of {read} rows break a rule, such as district 'at most 80 bytes'"
        " at key 17503 -> mend them in the source; the published table is unchanged"
    )


def test_more_rejects_than_could_be_kept_stop_the_load():
    said = refusal(gate.require_few_rejects, "fact_sales", 10_000_000, 60_001, [reject()] * 60_000)
    assert said.startswith(
        "gate: fact_sales: 60001 of 10000000 rows break a rule, such as payment_ts 'not null'"
    )


def test_equal_totals_reconcile():
    source = {MONDAY: (2, Decimal("5.98")), TUESDAY: (1, None)}
    gate.require_reconciled("fact_sales", source, dict(reversed(source.items())))
    gate.require_reconciled("fact_sales", {MONDAY: (1, Decimal("5"))}, {MONDAY: (1, Decimal("5.00"))})
    gate.require_reconciled("dim_staff", {None: (2, None)}, {None: (2, None)})
    gate.require_reconciled("dim_staff", {}, {})


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        (
            {MONDAY: (2, Decimal("5.98")), TUESDAY: (1, Decimal("4.98"))},
            "(1 of 2 days): on 2007-05-15 the source has 1 rows worth 4.99, the load 1 worth 4.98",
        ),
        (
            {MONDAY: (3, Decimal("5.98")), TUESDAY: (1, Decimal("4.99"))},
            "(1 of 2 days): on 2007-05-14 the source has 2 rows worth 5.98, the load 3 worth 5.98",
        ),
        (
            {MONDAY: (2, Decimal("5.98"))},
            "(1 of 2 days): on 2007-05-15 the source has 1 rows worth 4.99, the load 0 worth None",
        ),
        (
            {MONDAY: (2, None), TUESDAY: (1, Decimal("4.99")), None: (1, Decimal("0.00"))},
            "(2 of 3 days): on 2007-05-14 the source has 2 rows worth 5.98, the load 2 worth None",
        ),
        (
            {},
            "(2 of 2 days): on 2007-05-14 the source has 2 rows worth 5.98, the load 0 worth None",
        ),
    ],
    ids=["a cent", "a row", "a day", "money and a row without day", "everything"],
)
def test_totals_that_differ_stop_the_load(loaded, said):
    source = {MONDAY: (2, Decimal("5.98")), TUESDAY: (1, Decimal("4.99"))}
    assert refusal(gate.require_reconciled, "fact_sales", source, loaded) == (
        f"gate: fact_sales does not reconcile {said}"
        " -> look for joins of transform() that lose or multiply rows; the published table is unchanged"
    )


def test_members_that_differ_stop_the_load():
    said = refusal(gate.require_reconciled, "dim_staff", {None: (2, None)}, {None: (3, None)})
    assert said.startswith(
        "gate: dim_staff does not reconcile (1 of 1 days): in all the source has 2 rows worth None, the load 3"
    )


def test_a_key_that_occurs_twice_stops_the_load():
    gate.require_unique("dim_staff", "staff_id", [])
    assert refusal(gate.require_unique, "dim_staff", "staff_id", [(7, 2)]) == (
        "gate: dim_staff: staff_id 7 occurs 2 times"
        " -> the source must name each row once; the published table is unchanged"
    )
    several = refusal(gate.require_unique, "fact_sales", "sales_key", [(9, 3), (7, 2)])
    assert several.startswith("gate: fact_sales: sales_key 9 occurs 3 times ->")


@pytest.mark.parametrize(
    ("before", "deleted", "staged"),
    [
        (0, 0, 0),  # the first load of an empty source
        (0, 0, 100),
        (1, 1, 1),
        (5, 5, 1),  # five are always allowed
        (25, 5, 20),
        (100, 20, 80),  # one in five
        (14_596, 2919, 11_677),
    ],
)
def test_few_deletions_pass(before, deleted, staged):
    gate.require_few_deletions("fact_sales", before, deleted, staged, allowed=False)


@pytest.mark.parametrize(("before", "deleted"), [(6, 6), (25, 6), (100, 21), (14_596, 2920)])
def test_a_mass_delete_stops_the_load_unless_it_is_allowed(before, deleted):
    said = refusal(gate.require_few_deletions, "fact_sales", before, deleted, 1, allowed=False)
    assert said == (
        f"gate: fact_sales: {deleted} of {before} rows would be deleted"
        " -> if that is meant, run again with --allow-mass-delete; the published table is unchanged"
    )
    gate.require_few_deletions("fact_sales", before, deleted, 1, allowed=True)


@pytest.mark.parametrize("before", [1, 3, 14_596])
def test_an_empty_source_stops_the_load_unless_it_is_allowed(before):
    said = refusal(gate.require_few_deletions, "fact_sales", before, before, 0, allowed=False)
    assert said == (
        f"gate: fact_sales: the source is empty, {before} rows are published"
        " -> if that is meant, run again with --allow-mass-delete; the published table is unchanged"
    )
    gate.require_few_deletions("fact_sales", before, before, 0, allowed=True)
