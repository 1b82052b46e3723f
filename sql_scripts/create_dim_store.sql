-- dim_store: one row per version of a store (SCD2), and member -1 "Unknown".
-- Every column is tracked: a change of any opens a new version.
CREATE TABLE IF NOT EXISTS dim_store (
    store_key     bigint         NOT NULL,  -- surrogate key, given at publish, never reused, never changed
    store_id      integer        NOT NULL,  -- store.store_id; -1 for the member "Unknown"
    address       varchar(200),             -- address.address
    address2      varchar(200),             -- address.address2
    district      varchar(80),              -- address.district
    city          varchar(200),             -- city.city
    country       varchar(200),             -- country.country
    postal_code   varchar(40),              -- address.postal_code
    phone         varchar(80),              -- address.phone
    manager_staff_id    integer,                  -- store.manager_staff_id
    manager_first_name  varchar(180),             -- staff.first_name of the manager
    manager_last_name   varchar(180),             -- staff.last_name of the manager
    valid_from    timestamp      NOT NULL,  -- the version is valid from here on (inclusive)
    valid_to      timestamp      NOT NULL,  -- up to here (exclusive); 9999-12-31 while it is open
    is_current    boolean        NOT NULL,  -- the latest version of its member
    is_deleted    boolean        NOT NULL,  -- the source no longer has this member
    is_inferred   boolean        NOT NULL,  -- made for a fact that came before its member; completed in place
    row_hash      varchar(32)    NOT NULL,  -- md5 of the tracked columns
    batch_id      bigint         NOT NULL,  -- etl_batch.batch_id that last wrote the row
    PRIMARY KEY (store_key)
);

INSERT INTO dim_store (
    store_key, store_id, city, country, valid_from, valid_to, is_current, is_deleted, is_inferred,
    row_hash, batch_id
)
SELECT
    -1, -1, 'Unknown', 'Unknown',
    TIMESTAMP '1900-01-01', TIMESTAMP '9999-12-31',
    TRUE, FALSE, FALSE, '', 0
WHERE NOT EXISTS (SELECT 1 FROM dim_store WHERE store_key = -1);
