-- What is not tracked is the same on every version of a member.
-- NULLIF(a, b) and NULLIF(b, a) are both NULL where a and b are equal, or both NULL.
SELECT table_name, natural_key, version_key, TRIM(column_names) AS column_names
FROM (
    SELECT 'dim_customer' AS table_name, o.customer_id AS natural_key, o.customer_key AS version_key,
        CASE WHEN NULLIF(o.first_name, c.first_name) IS NULL AND NULLIF(c.first_name, o.first_name) IS NULL
            THEN '' ELSE 'first_name ' END
        || CASE WHEN NULLIF(o.last_name, c.last_name) IS NULL AND NULLIF(c.last_name, o.last_name) IS NULL
            THEN '' ELSE 'last_name ' END
        || CASE WHEN NULLIF(o.email, c.email) IS NULL AND NULLIF(c.email, o.email) IS NULL
            THEN '' ELSE 'email ' END
        || CASE WHEN NULLIF(o.postal_code, c.postal_code) IS NULL AND NULLIF(c.postal_code, o.postal_code) IS NULL
            THEN '' ELSE 'postal_code ' END
        || CASE WHEN NULLIF(o.phone, c.phone) IS NULL AND NULLIF(c.phone, o.phone) IS NULL
            THEN '' ELSE 'phone ' END
        || CASE WHEN NULLIF(o.create_date, c.create_date) IS NULL AND NULLIF(c.create_date, o.create_date) IS NULL
            THEN '' ELSE 'create_date ' END AS column_names
    FROM dim_customer o
    INNER JOIN dim_customer c ON c.customer_id = o.customer_id AND c.is_current
    WHERE NOT o.is_current
    UNION ALL
    SELECT 'dim_movie' AS table_name, o.film_id AS natural_key, o.movie_key AS version_key,
        CASE WHEN NULLIF(o.title, c.title) IS NULL AND NULLIF(c.title, o.title) IS NULL
            THEN '' ELSE 'title ' END
        || CASE WHEN NULLIF(o.description, c.description) IS NULL AND NULLIF(c.description, o.description) IS NULL
            THEN '' ELSE 'description ' END
        || CASE WHEN NULLIF(o.release_year, c.release_year) IS NULL AND NULLIF(c.release_year, o.release_year) IS NULL
            THEN '' ELSE 'release_year ' END
        || CASE WHEN NULLIF(o.language, c.language) IS NULL AND NULLIF(c.language, o.language) IS NULL
            THEN '' ELSE 'language ' END
        || CASE WHEN NULLIF(o.length, c.length) IS NULL AND NULLIF(c.length, o.length) IS NULL
            THEN '' ELSE 'length ' END
        || CASE WHEN NULLIF(o.special_features, c.special_features) IS NULL AND NULLIF(c.special_features, o.special_features) IS NULL
            THEN '' ELSE 'special_features ' END AS column_names
    FROM dim_movie o
    INNER JOIN dim_movie c ON c.film_id = o.film_id AND c.is_current
    WHERE NOT o.is_current
    UNION ALL
    SELECT 'dim_staff' AS table_name, o.staff_id AS natural_key, o.staff_key AS version_key,
        CASE WHEN NULLIF(o.first_name, c.first_name) IS NULL AND NULLIF(c.first_name, o.first_name) IS NULL
            THEN '' ELSE 'first_name ' END
        || CASE WHEN NULLIF(o.last_name, c.last_name) IS NULL AND NULLIF(c.last_name, o.last_name) IS NULL
            THEN '' ELSE 'last_name ' END
        || CASE WHEN NULLIF(o.email, c.email) IS NULL AND NULLIF(c.email, o.email) IS NULL
            THEN '' ELSE 'email ' END
        || CASE WHEN NULLIF(o.postal_code, c.postal_code) IS NULL AND NULLIF(c.postal_code, o.postal_code) IS NULL
            THEN '' ELSE 'postal_code ' END
        || CASE WHEN NULLIF(o.phone, c.phone) IS NULL AND NULLIF(c.phone, o.phone) IS NULL
            THEN '' ELSE 'phone ' END AS column_names
    FROM dim_staff o
    INNER JOIN dim_staff c ON c.staff_id = o.staff_id AND c.is_current
    WHERE NOT o.is_current
) v
WHERE column_names <> ''
ORDER BY table_name, natural_key, version_key
