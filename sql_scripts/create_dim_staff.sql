-- dim_staff: one row per version of a staff member (SCD2), and member -1 "Unknown".
-- "tracked" columns keep history: a change opens a new version. The others are corrected on every version.
-- username, password and picture never leave the source.
CREATE TABLE IF NOT EXISTS dim_staff (
    staff_key     bigint         NOT NULL,  -- surrogate key, given at publish, never reused, never changed
    staff_id      integer        NOT NULL,  -- staff.staff_id; -1 for the member "Unknown"
    first_name    varchar(180),             -- staff.first_name
    last_name     varchar(180),             -- staff.last_name
    email         varchar(200),             -- staff.email
    address       varchar(200),             -- tracked: address.address
    address2      varchar(200),             -- tracked: address.address2
    district      varchar(80),              -- tracked: address.district
    city          varchar(200),             -- tracked: city.city
    country       varchar(200),             -- tracked: country.country
    postal_code   varchar(40),              -- address.postal_code
    phone         varchar(80),              -- address.phone
    active        boolean,                  -- tracked: staff.active
    store_id      integer,                  -- tracked: staff.store_id
    valid_from    timestamp      NOT NULL,  -- the version is valid from here on (inclusive)
    valid_to      timestamp      NOT NULL,  -- up to here (exclusive); 9999-12-31 while it is open
    is_current    boolean        NOT NULL,  -- the latest version of its member
    is_deleted    boolean        NOT NULL,  -- the source no longer has this member
    is_inferred   boolean        NOT NULL,  -- made for a fact that came before its member; completed in place
    row_hash      varchar(32)    NOT NULL,  -- md5 of the tracked columns
    batch_id      bigint         NOT NULL,  -- etl_batch.batch_id that last wrote the row
    PRIMARY KEY (staff_key)
);

INSERT INTO dim_staff (
    staff_key, staff_id, first_name, last_name, city, country, valid_from, valid_to, is_current,
    is_deleted, is_inferred, row_hash, batch_id
)
SELECT
    -1, -1, 'Unknown', 'Unknown', 'Unknown', 'Unknown',
    TIMESTAMP '1900-01-01', TIMESTAMP '9999-12-31',
    TRUE, FALSE, FALSE, '', 0
WHERE NOT EXISTS (SELECT 1 FROM dim_staff WHERE staff_key = -1);
