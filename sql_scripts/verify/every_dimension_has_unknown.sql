-- Every dimension has the member -1, and the calendar -2 as well.
SELECT w.table_name, w.member_key, w.found
FROM (
    SELECT 'dim_customer' AS table_name, -1 AS member_key, COUNT(*) AS found FROM dim_customer WHERE customer_key = -1 AND customer_id = -1
    UNION ALL
    SELECT 'dim_movie' AS table_name, -1 AS member_key, COUNT(*) AS found FROM dim_movie WHERE movie_key = -1 AND film_id = -1
    UNION ALL
    SELECT 'dim_store' AS table_name, -1 AS member_key, COUNT(*) AS found FROM dim_store WHERE store_key = -1 AND store_id = -1
    UNION ALL
    SELECT 'dim_staff' AS table_name, -1 AS member_key, COUNT(*) AS found FROM dim_staff WHERE staff_key = -1 AND staff_id = -1
    UNION ALL
    SELECT 'dim_date', -1, COUNT(*) FROM dim_date WHERE date_key = -1
    UNION ALL
    SELECT 'dim_date', -2, COUNT(*) FROM dim_date WHERE date_key = -2
) w
WHERE w.found <> 1
ORDER BY w.table_name, w.member_key
