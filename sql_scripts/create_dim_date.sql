-- dim_date: one row per day from 1970-01-01 to 2069-12-31, and the members -1 "Unknown" and -2 "Not yet happened".
CREATE TABLE IF NOT EXISTS dim_date (
    date_key      integer      NOT NULL,  -- yyyyMMdd as a number; -1 unknown, -2 not yet happened
    date          date,                   -- the day; NULL for the members -1 and -2, as are all numbers below
    year          smallint,               -- calendar year
    quarter       smallint,               -- 1 to 4
    month         smallint,               -- 1 to 12
    month_name    varchar(20)  NOT NULL,  -- January to December, in English; the label of the members -1 and -2
    day           smallint,               -- day of the month
    iso_week      smallint,               -- ISO 8601: week 1 holds the year's first Thursday
    iso_year      smallint,               -- the year that the ISO week belongs to
    iso_weekday   smallint,               -- 1 Monday to 7 Sunday
    day_name      varchar(20)  NOT NULL,  -- Monday to Sunday, in English; the label of the members -1 and -2
    is_weekend    boolean,                -- Saturday or Sunday
    is_month_end  boolean,                -- last day of its month
    PRIMARY KEY (date_key)
);

INSERT INTO dim_date (date_key, month_name, day_name)
SELECT -1, 'Unknown', 'Unknown'
WHERE NOT EXISTS (SELECT 1 FROM dim_date WHERE date_key = -1);

INSERT INTO dim_date (date_key, month_name, day_name)
SELECT -2, 'Not yet happened', 'Not yet happened'
WHERE NOT EXISTS (SELECT 1 FROM dim_date WHERE date_key = -2);

-- Days are counted out of crossed digits: both dialects can do that, neither needs a function of its own.
INSERT INTO dim_date (
    date_key, date, year, quarter, month, month_name, day,
    iso_week, iso_year, iso_weekday, day_name, is_weekend, is_month_end
)
WITH digit AS (
    SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
),
days AS (
    SELECT DATE '1970-01-01' + (a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d) AS date
    FROM digit a CROSS JOIN digit b CROSS JOIN digit c CROSS JOIN digit e CROSS JOIN digit f
    WHERE a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d <= DATE '2069-12-31' - DATE '1970-01-01'
),
weekdays AS (
    SELECT
        date,
        CAST(CASE WHEN EXTRACT(DOW FROM date) = 0 THEN 7 ELSE EXTRACT(DOW FROM date) END AS integer) AS iso_weekday
    FROM days
)
SELECT
    CAST(TO_CHAR(date, 'YYYYMMDD') AS integer),
    date,
    EXTRACT(YEAR FROM date),
    EXTRACT(QUARTER FROM date),
    EXTRACT(MONTH FROM date),
    TRIM(TO_CHAR(date, 'Month')),
    EXTRACT(DAY FROM date),
    EXTRACT(WEEK FROM date),
    EXTRACT(YEAR FROM date + (4 - iso_weekday)),  -- the year of the week's Thursday
    iso_weekday,
    TRIM(TO_CHAR(date, 'Day')),
    iso_weekday >= 6,
    EXTRACT(DAY FROM date + 1) = 1
FROM weekdays
WHERE NOT EXISTS (SELECT 1 FROM dim_date WHERE date_key > 0);

-- One calendar in three roles, so that a report can join fact_sales to each by its own name.
CREATE OR REPLACE VIEW dim_payment_date AS
SELECT
    date_key, date, year, quarter, month, month_name, day,
    iso_week, iso_year, iso_weekday, day_name, is_weekend, is_month_end
FROM dim_date;

CREATE OR REPLACE VIEW dim_rental_date AS
SELECT
    date_key, date, year, quarter, month, month_name, day,
    iso_week, iso_year, iso_weekday, day_name, is_weekend, is_month_end
FROM dim_date;

CREATE OR REPLACE VIEW dim_return_date AS
SELECT
    date_key, date, year, quarter, month, month_name, day,
    iso_week, iso_year, iso_weekday, day_name, is_weekend, is_month_end
FROM dim_date;
