-- What is not tracked is the same on every version of a member.
SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key, 'first_name' AS column_name
FROM dim_customer o
INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
WHERE NOT o.is_current AND (o.first_name <> c.first_name OR (o.first_name IS NULL AND c.first_name IS NOT NULL) OR (o.first_name IS NOT NULL AND c.first_name IS NULL))
UNION ALL
SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key, 'last_name' AS column_name
FROM dim_customer o
INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
WHERE NOT o.is_current AND (o.last_name <> c.last_name OR (o.last_name IS NULL AND c.last_name IS NOT NULL) OR (o.last_name IS NOT NULL AND c.last_name IS NULL))
UNION ALL
SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key, 'email' AS column_name
FROM dim_customer o
INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
WHERE NOT o.is_current AND (o.email <> c.email OR (o.email IS NULL AND c.email IS NOT NULL) OR (o.email IS NOT NULL AND c.email IS NULL))
UNION ALL
SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key, 'postal_code' AS column_name
FROM dim_customer o
INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
WHERE NOT o.is_current AND (o.postal_code <> c.postal_code OR (o.postal_code IS NULL AND c.postal_code IS NOT NULL) OR (o.postal_code IS NOT NULL AND c.postal_code IS NULL))
UNION ALL
SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key, 'phone' AS column_name
FROM dim_customer o
INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
WHERE NOT o.is_current AND (o.phone <> c.phone OR (o.phone IS NULL AND c.phone IS NOT NULL) OR (o.phone IS NOT NULL AND c.phone IS NULL))
UNION ALL
SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key, 'create_date' AS column_name
FROM dim_customer o
INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
WHERE NOT o.is_current AND (o.create_date <> c.create_date OR (o.create_date IS NULL AND c.create_date IS NOT NULL) OR (o.create_date IS NOT NULL AND c.create_date IS NULL))
UNION ALL
SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key, 'title' AS column_name
FROM dim_movie o
INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
WHERE NOT o.is_current AND (o.title <> c.title OR (o.title IS NULL AND c.title IS NOT NULL) OR (o.title IS NOT NULL AND c.title IS NULL))
UNION ALL
SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key, 'description' AS column_name
FROM dim_movie o
INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
WHERE NOT o.is_current AND (o.description <> c.description OR (o.description IS NULL AND c.description IS NOT NULL) OR (o.description IS NOT NULL AND c.description IS NULL))
UNION ALL
SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key, 'release_year' AS column_name
FROM dim_movie o
INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
WHERE NOT o.is_current AND (o.release_year <> c.release_year OR (o.release_year IS NULL AND c.release_year IS NOT NULL) OR (o.release_year IS NOT NULL AND c.release_year IS NULL))
UNION ALL
SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key, 'language' AS column_name
FROM dim_movie o
INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
WHERE NOT o.is_current AND (o.language <> c.language OR (o.language IS NULL AND c.language IS NOT NULL) OR (o.language IS NOT NULL AND c.language IS NULL))
UNION ALL
SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key, 'length' AS column_name
FROM dim_movie o
INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
WHERE NOT o.is_current AND (o.length <> c.length OR (o.length IS NULL AND c.length IS NOT NULL) OR (o.length IS NOT NULL AND c.length IS NULL))
UNION ALL
SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key, 'special_features' AS column_name
FROM dim_movie o
INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
WHERE NOT o.is_current AND (o.special_features <> c.special_features OR (o.special_features IS NULL AND c.special_features IS NOT NULL) OR (o.special_features IS NOT NULL AND c.special_features IS NULL))
UNION ALL
SELECT 'dim_staff' AS table_name, o.staff_id AS natural_key, o.staff_key AS version_key, 'first_name' AS column_name
FROM dim_staff o
INNER JOIN dim_staff c ON c.staff_id = o.staff_id AND c.is_current
WHERE NOT o.is_current AND (o.first_name <> c.first_name OR (o.first_name IS NULL AND c.first_name IS NOT NULL) OR (o.first_name IS NOT NULL AND c.first_name IS NULL))
UNION ALL
SELECT 'dim_staff' AS table_name, o.staff_id AS natural_key, o.staff_key AS version_key, 'last_name' AS column_name
FROM dim_staff o
INNER JOIN dim_staff c ON c.staff_id = o.staff_id AND c.is_current
WHERE NOT o.is_current AND (o.last_name <> c.last_name OR (o.last_name IS NULL AND c.last_name IS NOT NULL) OR (o.last_name IS NOT NULL AND c.last_name IS NULL))
UNION ALL
SELECT 'dim_staff' AS table_name, o.staff_id AS natural_key, o.staff_key AS version_key, 'email' AS column_name
FROM dim_staff o
INNER JOIN dim_staff c ON c.staff_id = o.staff_id AND c.is_current
WHERE NOT o.is_current AND (o.email <> c.email OR (o.email IS NULL AND c.email IS NOT NULL) OR (o.email IS NOT NULL AND c.email IS NULL))
UNION ALL
SELECT 'dim_staff' AS table_name, o.staff_id AS natural_key, o.staff_key AS version_key, 'postal_code' AS column_name
FROM dim_staff o
INNER JOIN dim_staff c ON c.staff_id = o.staff_id AND c.is_current
WHERE NOT o.is_current AND (o.postal_code <> c.postal_code OR (o.postal_code IS NULL AND c.postal_code IS NOT NULL) OR (o.postal_code IS NOT NULL AND c.postal_code IS NULL))
UNION ALL
SELECT 'dim_staff' AS table_name, o.staff_id AS natural_key, o.staff_key AS version_key, 'phone' AS column_name
FROM dim_staff o
INNER JOIN dim_staff c ON c.staff_id = o.staff_id AND c.is_current
WHERE NOT o.is_current AND (o.phone <> c.phone OR (o.phone IS NULL AND c.phone IS NOT NULL) OR (o.phone IS NOT NULL AND c.phone IS NULL))
ORDER BY 1, 2, 3
