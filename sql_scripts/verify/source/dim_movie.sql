-- Films and their languages, by key.
SELECT
    f.film_id,
    CAST(f.title AS text) AS title,
    CAST(f.description AS text) AS description,
    CAST(f.release_year AS bigint) AS release_year,
    CAST(l.name AS text) AS language,
    f.rental_duration,
    f.rental_rate,
    f.length,
    f.replacement_cost,
    CAST(f.rating AS text) AS rating,
    CASE WHEN f.special_features IS NOT NULL THEN COALESCE(
        (
            SELECT STRING_AGG(t.feature, ', ' ORDER BY t.feature COLLATE "C")
            FROM UNNEST(f.special_features) AS t (feature)
        ),
        ''
    ) END AS special_features,
    FALSE AS is_inferred,
    LEAST(age(f.xmin), age(l.xmin)) <= age(CAST(%(horizon)s AS xid)) AS written_since_load,
    CASE WHEN l.language_id IS NULL THEN 'language.language_id ' || f.language_id END AS missing_reference
FROM film f
LEFT JOIN language l ON l.language_id = f.language_id
WHERE f.film_id IS NOT NULL
ORDER BY f.film_id
