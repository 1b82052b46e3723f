-- Every member has exactly one current version, and it is the open one.
SELECT 'dim_customer' AS table_name, customer_id AS natural_key,
    SUM(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions,
    SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) AS open_versions
FROM dim_customer
GROUP BY customer_id
HAVING SUM(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN is_current AND valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
UNION ALL
SELECT 'dim_movie' AS table_name, film_id AS natural_key,
    SUM(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions,
    SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) AS open_versions
FROM dim_movie
GROUP BY film_id
HAVING SUM(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN is_current AND valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
UNION ALL
SELECT 'dim_store' AS table_name, store_id AS natural_key,
    SUM(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions,
    SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) AS open_versions
FROM dim_store
GROUP BY store_id
HAVING SUM(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN is_current AND valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
UNION ALL
SELECT 'dim_staff' AS table_name, staff_id AS natural_key,
    SUM(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions,
    SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) AS open_versions
FROM dim_staff
GROUP BY staff_id
HAVING SUM(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN is_current AND valid_to = TIMESTAMP '9999-12-31' THEN 1 ELSE 0 END) <> 1
ORDER BY 1, 2
