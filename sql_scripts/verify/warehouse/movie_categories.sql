-- The categories of the films that the source has, as far as the warehouse knows, by key.
SELECT
    film_id,
    category,
    is_inferred AS is_early
FROM dim_movie
WHERE is_current AND NOT is_deleted AND movie_key > 0
ORDER BY film_id
