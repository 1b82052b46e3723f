-- row_hash is the md5 of the tracked columns as JSON.
-- Text with control characters, which JSON writes in many ways, is not held to it.
SELECT 'dim_customer' AS table_name, customer_id AS natural_key, customer_key AS version_key, row_hash
FROM dim_customer CROSS JOIN (SELECT CHR(92) AS b) backslash
WHERE customer_key > 0 AND NOT is_inferred
    AND NOT (
        COALESCE(address, '') || COALESCE(address2, '')
        || COALESCE(district, '') || COALESCE(city, '')
        || COALESCE(country, '')
    ) ~ '[[:cntrl:]]'
    AND row_hash <> MD5(
        '{"address":' || COALESCE('"' || REPLACE(REPLACE(address, b, b || b), '"', b || '"') || '"', 'null')
        || ',"address2":' || COALESCE('"' || REPLACE(REPLACE(address2, b, b || b), '"', b || '"') || '"', 'null')
        || ',"district":' || COALESCE('"' || REPLACE(REPLACE(district, b, b || b), '"', b || '"') || '"', 'null')
        || ',"city":' || COALESCE('"' || REPLACE(REPLACE(city, b, b || b), '"', b || '"') || '"', 'null')
        || ',"country":' || COALESCE('"' || REPLACE(REPLACE(country, b, b || b), '"', b || '"') || '"', 'null')
        || ',"active":' || COALESCE(CAST(active AS varchar(40)), 'null')
        || ',"store_id":' || COALESCE(CAST(store_id AS varchar(40)), 'null')
        || '}'
    )
UNION ALL
SELECT 'dim_movie' AS table_name, film_id AS natural_key, movie_key AS version_key, row_hash
FROM dim_movie CROSS JOIN (SELECT CHR(92) AS b) backslash
WHERE movie_key > 0 AND NOT is_inferred
    AND NOT (
        COALESCE(rating, '') || COALESCE(category, '')
    ) ~ '[[:cntrl:]]'
    AND row_hash <> MD5(
        '{"rental_duration":' || COALESCE(CAST(rental_duration AS varchar(40)), 'null')
        || ',"rental_rate":' || COALESCE(CAST(rental_rate AS varchar(40)), 'null')
        || ',"replacement_cost":' || COALESCE(CAST(replacement_cost AS varchar(40)), 'null')
        || ',"rating":' || COALESCE('"' || REPLACE(REPLACE(rating, b, b || b), '"', b || '"') || '"', 'null')
        || ',"category":' || COALESCE('"' || REPLACE(REPLACE(category, b, b || b), '"', b || '"') || '"', 'null')
        || '}'
    )
UNION ALL
SELECT 'dim_store' AS table_name, store_id AS natural_key, store_key AS version_key, row_hash
FROM dim_store CROSS JOIN (SELECT CHR(92) AS b) backslash
WHERE store_key > 0 AND NOT is_inferred
    AND NOT (
        COALESCE(address, '') || COALESCE(address2, '')
        || COALESCE(district, '') || COALESCE(city, '')
        || COALESCE(country, '') || COALESCE(postal_code, '')
        || COALESCE(phone, '') || COALESCE(manager_first_name, '')
        || COALESCE(manager_last_name, '')
    ) ~ '[[:cntrl:]]'
    AND row_hash <> MD5(
        '{"address":' || COALESCE('"' || REPLACE(REPLACE(address, b, b || b), '"', b || '"') || '"', 'null')
        || ',"address2":' || COALESCE('"' || REPLACE(REPLACE(address2, b, b || b), '"', b || '"') || '"', 'null')
        || ',"district":' || COALESCE('"' || REPLACE(REPLACE(district, b, b || b), '"', b || '"') || '"', 'null')
        || ',"city":' || COALESCE('"' || REPLACE(REPLACE(city, b, b || b), '"', b || '"') || '"', 'null')
        || ',"country":' || COALESCE('"' || REPLACE(REPLACE(country, b, b || b), '"', b || '"') || '"', 'null')
        || ',"postal_code":' || COALESCE('"' || REPLACE(REPLACE(postal_code, b, b || b), '"', b || '"') || '"', 'null')
        || ',"phone":' || COALESCE('"' || REPLACE(REPLACE(phone, b, b || b), '"', b || '"') || '"', 'null')
        || ',"manager_staff_id":' || COALESCE(CAST(manager_staff_id AS varchar(40)), 'null')
        || ',"manager_first_name":' || COALESCE('"' || REPLACE(REPLACE(manager_first_name, b, b || b), '"', b || '"') || '"', 'null')
        || ',"manager_last_name":' || COALESCE('"' || REPLACE(REPLACE(manager_last_name, b, b || b), '"', b || '"') || '"', 'null')
        || '}'
    )
UNION ALL
SELECT 'dim_staff' AS table_name, staff_id AS natural_key, staff_key AS version_key, row_hash
FROM dim_staff CROSS JOIN (SELECT CHR(92) AS b) backslash
WHERE staff_key > 0 AND NOT is_inferred
    AND NOT (
        COALESCE(address, '') || COALESCE(address2, '')
        || COALESCE(district, '') || COALESCE(city, '')
        || COALESCE(country, '')
    ) ~ '[[:cntrl:]]'
    AND row_hash <> MD5(
        '{"address":' || COALESCE('"' || REPLACE(REPLACE(address, b, b || b), '"', b || '"') || '"', 'null')
        || ',"address2":' || COALESCE('"' || REPLACE(REPLACE(address2, b, b || b), '"', b || '"') || '"', 'null')
        || ',"district":' || COALESCE('"' || REPLACE(REPLACE(district, b, b || b), '"', b || '"') || '"', 'null')
        || ',"city":' || COALESCE('"' || REPLACE(REPLACE(city, b, b || b), '"', b || '"') || '"', 'null')
        || ',"country":' || COALESCE('"' || REPLACE(REPLACE(country, b, b || b), '"', b || '"') || '"', 'null')
        || ',"active":' || CASE WHEN active IS NULL THEN 'null' WHEN active THEN 'true' ELSE 'false' END
        || ',"store_id":' || COALESCE(CAST(store_id AS varchar(40)), 'null')
        || '}'
    )
ORDER BY 1, 2, 3
