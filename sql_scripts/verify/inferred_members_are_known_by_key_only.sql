-- An inferred member has one version and nothing but its key; every other version has a hash of what is tracked.
SELECT 'dim_customer' AS table_name, customer_id AS natural_key, customer_key AS version_key
FROM dim_customer
WHERE customer_key > 0
    AND (
        (NOT is_inferred AND row_hash = '')
        OR (is_inferred AND (
            row_hash <> '' OR is_deleted OR NOT is_current OR valid_from <> TIMESTAMP '1900-01-01'
            OR first_name IS NOT NULL OR last_name IS NOT NULL OR email IS NOT NULL
            OR address IS NOT NULL OR address2 IS NOT NULL OR district IS NOT NULL
            OR city IS NOT NULL OR country IS NOT NULL OR postal_code IS NOT NULL
            OR phone IS NOT NULL OR active IS NOT NULL OR create_date IS NOT NULL
            OR store_id IS NOT NULL
        ))
    )
UNION ALL
SELECT 'dim_movie' AS table_name, film_id AS natural_key, movie_key AS version_key
FROM dim_movie
WHERE movie_key > 0
    AND (
        (NOT is_inferred AND row_hash = '')
        OR (is_inferred AND (
            row_hash <> '' OR is_deleted OR NOT is_current OR valid_from <> TIMESTAMP '1900-01-01'
            OR title IS NOT NULL OR description IS NOT NULL OR release_year IS NOT NULL
            OR language IS NOT NULL OR rental_duration IS NOT NULL OR rental_rate IS NOT NULL
            OR length IS NOT NULL OR replacement_cost IS NOT NULL OR rating IS NOT NULL
            OR category IS NOT NULL OR special_features IS NOT NULL
        ))
    )
UNION ALL
SELECT 'dim_store' AS table_name, store_id AS natural_key, store_key AS version_key
FROM dim_store
WHERE store_key > 0
    AND (
        (NOT is_inferred AND row_hash = '')
        OR (is_inferred AND (
            row_hash <> '' OR is_deleted OR NOT is_current OR valid_from <> TIMESTAMP '1900-01-01'
            OR address IS NOT NULL OR address2 IS NOT NULL OR district IS NOT NULL OR city IS NOT NULL
            OR country IS NOT NULL OR postal_code IS NOT NULL OR phone IS NOT NULL
            OR manager_staff_id IS NOT NULL OR manager_first_name IS NOT NULL
            OR manager_last_name IS NOT NULL
        ))
    )
UNION ALL
SELECT 'dim_staff' AS table_name, staff_id AS natural_key, staff_key AS version_key
FROM dim_staff
WHERE staff_key > 0
    AND (
        (NOT is_inferred AND row_hash = '')
        OR (is_inferred AND (
            row_hash <> '' OR is_deleted OR NOT is_current OR valid_from <> TIMESTAMP '1900-01-01'
            OR first_name IS NOT NULL OR last_name IS NOT NULL OR email IS NOT NULL
            OR address IS NOT NULL OR address2 IS NOT NULL OR district IS NOT NULL
            OR city IS NOT NULL OR country IS NOT NULL OR postal_code IS NOT NULL
            OR phone IS NOT NULL OR active IS NOT NULL OR store_id IS NOT NULL
        ))
    )
ORDER BY 1, 2, 3
