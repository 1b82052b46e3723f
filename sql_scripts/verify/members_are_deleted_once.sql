-- A member is deleted after it was there, and not deleted again before it returns.
SELECT table_name, natural_key, version_key, nth
FROM (
    SELECT 'dim_customer' AS table_name, customer_key AS version_key, customer_id AS natural_key, is_deleted,
        LAG(is_deleted) OVER (PARTITION BY customer_id ORDER BY valid_from, customer_key) AS was_deleted,
        ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY valid_from, customer_key) AS nth
    FROM dim_customer
    UNION ALL
    SELECT 'dim_movie' AS table_name, movie_key AS version_key, film_id AS natural_key, is_deleted,
        LAG(is_deleted) OVER (PARTITION BY film_id ORDER BY valid_from, movie_key) AS was_deleted,
        ROW_NUMBER() OVER (PARTITION BY film_id ORDER BY valid_from, movie_key) AS nth
    FROM dim_movie
    UNION ALL
    SELECT 'dim_store' AS table_name, store_key AS version_key, store_id AS natural_key, is_deleted,
        LAG(is_deleted) OVER (PARTITION BY store_id ORDER BY valid_from, store_key) AS was_deleted,
        ROW_NUMBER() OVER (PARTITION BY store_id ORDER BY valid_from, store_key) AS nth
    FROM dim_store
    UNION ALL
    SELECT 'dim_staff' AS table_name, staff_key AS version_key, staff_id AS natural_key, is_deleted,
        LAG(is_deleted) OVER (PARTITION BY staff_id ORDER BY valid_from, staff_key) AS was_deleted,
        ROW_NUMBER() OVER (PARTITION BY staff_id ORDER BY valid_from, staff_key) AS nth
    FROM dim_staff
) v
WHERE is_deleted AND (nth = 1 OR was_deleted)
ORDER BY table_name, natural_key, nth
