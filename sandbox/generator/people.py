"""The tables country, city, address, store, staff and customer."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sandbox.generator import words
from sandbox.generator.arrow import constant, joined, nullable, picked, text
from sandbox.generator.draw import Draw, Ints
from sandbox.generator.sizes import CITIES, Sizes

PLACED = datetime.fromisoformat("2006-02-15 09:45:30")
STAFF_UPDATED = datetime.fromisoformat("2006-05-16 16:13:11.793280")
# Years after every payment, as in dvdrental: code that takes last_update for the date of a change gets it wrong.
CUSTOMERS_UPDATED = datetime.fromisoformat("2013-05-26 14:49:45.738")
CUSTOMERS_CREATED = date(2006, 2, 14)


def country(_sizes: Sizes, _draw: Draw, rows: Ints) -> pa.Table:
    """109 countries."""
    return pa.table(
        {
            "country_id": rows + 1,
            "country": picked(words.COUNTRIES, rows),
            "last_update": constant(PLACED, rows),
        }
    )


def city(_sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """600 cities: 30 heads times 20 tails, except a few with odd names."""
    names = [head + tail for head in words.CITY_HEADS for tail in words.CITY_TAILS]
    names[: len(words.ODD_CITIES)] = words.ODD_CITIES
    return pa.table(
        {
            "city_id": rows + 1,
            "city": picked(names, rows),
            "country_id": draw.below(len(words.COUNTRIES), "country", rows) + 1,
            "last_update": constant(PLACED, rows),
        }
    )


def address(sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Addresses of the stores, then the staff, then the customers.

    Stores have an empty phone and postal code and no address2, staff neither postal code nor address2. Of the
    customers the first and every 200th have an empty district, and all but every 40th an empty address2.
    """
    is_store = rows < sizes.stores
    is_staff = ~is_store & (rows < sizes.stores + sizes.staff)
    of_customer = rows - sizes.stores - sizes.staff
    number = text(1 + draw.below(1999, "house", rows))
    street = picked(words.STREETS, draw.below(len(words.STREETS), "street", rows))
    way = picked(words.WAYS, draw.below(len(words.WAYS), "way", rows))
    district = picked(words.DISTRICTS, draw.below(len(words.DISTRICTS), "district", rows))
    address2 = pc.if_else(pa.array(of_customer % 40 == 1), joined("Apt. ", number), "")
    postal_code = text(10_000 + draw.below(90_000, "postal", rows))
    phone = text(10**11 + draw.below(10**9, "phone", rows) * 899)
    return pa.table(
        {
            "address_id": rows + 1,
            "address": joined(number, " ", street, " ", way),
            "address2": nullable(address2, is_store | is_staff),
            "district": pc.if_else(pa.array(of_customer % 200 == 0), "", district),
            "city_id": draw.below(CITIES, "city", rows) + 1,
            "postal_code": nullable(pc.if_else(pa.array(is_store), "", postal_code), is_staff),
            "phone": pc.if_else(pa.array(is_store), "", phone),
            "last_update": constant(PLACED, rows),
        }
    )


def store(_sizes: Sizes, _draw: Draw, rows: Ints) -> pa.Table:
    """Stores; the staff member of the same number is the manager."""
    return pa.table(
        {
            "store_id": rows + 1,
            "manager_staff_id": rows + 1,
            "address_id": rows + 1,
            "last_update": constant(PLACED, rows),
        }
    )


def staff(sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Staff, spread over the stores; the first has a picture."""
    first = draw.below(len(words.FIRST_NAMES), "staff first", rows)
    last = draw.below(len(words.LAST_NAMES), "staff last", rows)
    names = [words.FIRST_NAMES[place] for place in first]
    # Looks like dvdrental's password hashes, but is not the hash of any password.
    hashes = [hashlib.sha256(f"{draw.seed} {row}".encode()).hexdigest()[:40] for row in rows]
    return pa.table(
        {
            "staff_id": rows + 1,
            "first_name": names,
            "last_name": picked(words.LAST_NAMES, last),
            "address_id": sizes.stores + rows + 1,
            "email": [f"{name}.{row + 1}@staff.example.org" for name, row in zip(names, rows, strict=True)],
            "store_id": rows % sizes.stores + 1,
            "active": np.ones(len(rows), dtype=np.bool_),
            "username": names,
            "password": hashes,
            "last_update": constant(STAFF_UPDATED, rows),
            "picture": ["\\x89504e470d0a5a0a" if row == 0 else None for row in rows],
        }
    )


def customer(sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Customers; the first few, and some others, have odd names. One in 40 is inactive, first the eighth."""
    firsts = [*(first for first, _ in words.ODD_NAMES), *words.FIRST_NAMES]
    lasts = [*(last for _, last in words.ODD_NAMES), *words.LAST_NAMES]
    is_odd = rows < len(words.ODD_NAMES)
    first = np.where(is_odd, rows, draw.below(len(firsts), "first", rows))
    last = np.where(is_odd, rows, draw.below(len(lasts), "last", rows))
    mailbox = [
        picked([ascii_word(name) for name in names], at) for names, at in ((firsts, first), (lasts, last))
    ]
    return pa.table(
        {
            "customer_id": rows + 1,
            "store_id": draw.below(sizes.stores, "home store", rows) + 1,
            "first_name": picked(firsts, first),
            "last_name": picked(lasts, last),
            "email": joined(mailbox[0], ".", mailbox[1], ".", text(rows + 1), "@example.org"),
            "address_id": sizes.stores + sizes.staff + rows + 1,
            "activebool": np.ones(len(rows), dtype=np.bool_),
            "create_date": pa.repeat(pa.scalar(CUSTOMERS_CREATED), len(rows)),
            "last_update": constant(CUSTOMERS_UPDATED, rows),
            "active": np.where(rows % 40 == 7, 0, 1),
        }
    )


def ascii_word(name: str) -> str:
    """The name as part of an e-mail address: lower-case ASCII letters only; x if none remain."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalpha()) or "x"
