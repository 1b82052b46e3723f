-- The categories of each film, sorted, as one text. After a removal, only the number of rows differs.
SELECT
    f.film_id,
    STRING_AGG(CAST(c.name AS text), ', ' ORDER BY CAST(c.name AS text) COLLATE "C") AS category,
    MIN(LEAST(age(f.xmin), age(fc.xmin), age(c.xmin))) <= age(CAST(%(horizon)s AS xid)) AS written_since_load,
    COALESCE(
        'category.category_id ' || MIN(CASE WHEN c.category_id IS NULL THEN fc.category_id END),
        'film_category.film_id ' || f.film_id
    ) AS missing_reference
FROM film f
LEFT JOIN film_category fc ON fc.film_id = f.film_id
LEFT JOIN category c ON c.category_id = fc.category_id
WHERE f.film_id IS NOT NULL
GROUP BY f.film_id
ORDER BY f.film_id
