-- The films that the source has, as far as the warehouse knows, by key.
SELECT
    film_id,
    title,
    description,
    release_year,
    language,
    rental_duration,
    rental_rate,
    length,
    replacement_cost,
    rating,
    special_features,
    is_inferred,
    is_inferred AS is_early
FROM dim_movie
WHERE is_current AND NOT is_deleted AND movie_key > 0
ORDER BY film_id
