-- A member's versions begin at 1900-01-01 and follow each other without gap or overlap.
SELECT table_name, natural_key, valid_from, valid_to, next_from, nth
FROM (
    SELECT 'dim_customer' AS table_name, customer_id AS natural_key, valid_from, valid_to,
        LEAD(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from, customer_key) AS next_from,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY valid_from, customer_key) AS nth
    FROM dim_customer
    UNION ALL
    SELECT 'dim_movie' AS table_name, film_id AS natural_key, valid_from, valid_to,
        LEAD(valid_from) OVER (PARTITION BY film_id ORDER BY valid_from, movie_key) AS next_from,
        ROW_NUMBER() OVER (PARTITION BY film_id ORDER BY valid_from, movie_key) AS nth
    FROM dim_movie
    UNION ALL
    SELECT 'dim_store' AS table_name, store_id AS natural_key, valid_from, valid_to,
        LEAD(valid_from) OVER (PARTITION BY store_id ORDER BY valid_from, store_key) AS next_from,
        ROW_NUMBER() OVER (PARTITION BY store_id ORDER BY valid_from, store_key) AS nth
    FROM dim_store
    UNION ALL
    SELECT 'dim_staff' AS table_name, staff_id AS natural_key, valid_from, valid_to,
        LEAD(valid_from) OVER (PARTITION BY staff_id ORDER BY valid_from, staff_key) AS next_from,
        ROW_NUMBER() OVER (PARTITION BY staff_id ORDER BY valid_from, staff_key) AS nth
    FROM dim_staff
) v
WHERE valid_from >= valid_to
    OR (nth = 1 AND valid_from <> TIMESTAMP '1900-01-01')
    OR next_from <> valid_to
ORDER BY table_name, natural_key, valid_from
