-- The calendar has every day from 1970 to 2069, each with the attributes of its date.
SELECT date_key, date, year, quarter, month, day, iso_week, iso_year, iso_weekday
FROM dim_date
WHERE date_key > 0
    AND (
        date IS NULL
        OR date_key <> CAST(TO_CHAR(date, 'YYYYMMDD') AS integer)
        OR year <> EXTRACT(YEAR FROM date)
        OR quarter <> EXTRACT(QUARTER FROM date)
        OR month <> EXTRACT(MONTH FROM date)
        OR day <> EXTRACT(DAY FROM date)
        OR iso_week <> CAST(TO_CHAR(date, 'IW') AS integer)
        OR iso_year <> CAST(TO_CHAR(date, 'IYYY') AS integer)
        OR iso_weekday <> CAST(TO_CHAR(date, 'ID') AS integer)
        OR month_name <> TRIM(TO_CHAR(date, 'Month'))
        OR day_name <> TRIM(TO_CHAR(date, 'Day'))
        OR is_weekend <> (TO_CHAR(date, 'ID') IN ('6', '7'))
        OR is_month_end <> (TO_CHAR(date + 1, 'DD') = '01')
    )
UNION ALL
SELECT
    COUNT(*), CAST(NULL AS date), CAST(NULL AS smallint), CAST(NULL AS smallint), CAST(NULL AS smallint),
    CAST(NULL AS smallint), CAST(NULL AS smallint), CAST(NULL AS smallint), CAST(NULL AS smallint)
FROM dim_date
WHERE date_key > 0
HAVING COUNT(*) <> DATE '2069-12-31' - DATE '1970-01-01' + 1
ORDER BY 1
