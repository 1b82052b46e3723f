-- A dimension's keys are -1 and 1 to the number of its versions: none was ever freed.
SELECT table_name, versions, highest_key, strange_keys
FROM (
    SELECT 'dim_customer' AS table_name, SUM(CASE WHEN customer_key > 0 THEN 1 ELSE 0 END) AS versions,
        MAX(customer_key) AS highest_key,
        SUM(CASE WHEN customer_key < 1 AND customer_key <> -1 THEN 1 ELSE 0 END) AS strange_keys
    FROM dim_customer
    UNION ALL
    SELECT 'dim_movie' AS table_name, SUM(CASE WHEN movie_key > 0 THEN 1 ELSE 0 END) AS versions,
        MAX(movie_key) AS highest_key,
        SUM(CASE WHEN movie_key < 1 AND movie_key <> -1 THEN 1 ELSE 0 END) AS strange_keys
    FROM dim_movie
    UNION ALL
    SELECT 'dim_store' AS table_name, SUM(CASE WHEN store_key > 0 THEN 1 ELSE 0 END) AS versions,
        MAX(store_key) AS highest_key,
        SUM(CASE WHEN store_key < 1 AND store_key <> -1 THEN 1 ELSE 0 END) AS strange_keys
    FROM dim_store
    UNION ALL
    SELECT 'dim_staff' AS table_name, SUM(CASE WHEN staff_key > 0 THEN 1 ELSE 0 END) AS versions,
        MAX(staff_key) AS highest_key,
        SUM(CASE WHEN staff_key < 1 AND staff_key <> -1 THEN 1 ELSE 0 END) AS strange_keys
    FROM dim_staff
) k
WHERE strange_keys > 0 OR (versions > 0 AND highest_key <> versions)
ORDER BY table_name
