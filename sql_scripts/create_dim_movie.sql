-- dim_movie: one row per version of a film (SCD2), and member -1 "Unknown".
-- "tracked" columns keep history: a change opens a new version. The others are corrected on every version.
CREATE TABLE IF NOT EXISTS dim_movie (
    movie_key     bigint         NOT NULL,  -- surrogate key, given at publish, never reused, never changed
    film_id       integer        NOT NULL,  -- film.film_id; -1 for the member "Unknown"
    title             varchar(1020),            -- film.title
    description       varchar(65535),           -- film.description
    release_year      integer,                  -- film.release_year
    language          varchar(80),              -- language.name, its padding trimmed
    rental_duration   smallint,                 -- tracked: film.rental_duration, days
    rental_rate       numeric(4,2),             -- tracked: film.rental_rate, currency units per rental
    length            smallint,                 -- film.length, minutes
    replacement_cost  numeric(5,2),             -- tracked: film.replacement_cost, currency units
    rating            varchar(40),              -- tracked: film.rating
    category          varchar(100),             -- tracked: category.name; several are sorted and joined by ', '
    special_features  varchar(1000),            -- film.special_features, sorted, joined by ', '
    valid_from    timestamp      NOT NULL,  -- the version is valid from here on (inclusive)
    valid_to      timestamp      NOT NULL,  -- up to here (exclusive); 9999-12-31 while it is open
    is_current    boolean        NOT NULL,  -- the latest version of its member
    is_deleted    boolean        NOT NULL,  -- the source no longer has this member
    is_inferred   boolean        NOT NULL,  -- made for a fact that came before its member; completed in place
    row_hash      varchar(32)    NOT NULL,  -- md5 of the tracked columns
    batch_id      bigint         NOT NULL,  -- etl_batch.batch_id that last wrote the row
    PRIMARY KEY (movie_key)
);

INSERT INTO dim_movie (
    movie_key, film_id, title, language, rating, category, valid_from, valid_to, is_current,
    is_deleted, is_inferred, row_hash, batch_id
)
SELECT
    -1, -1, 'Unknown', 'Unknown', 'Unknown', 'Unknown',
    TIMESTAMP '1900-01-01', TIMESTAMP '9999-12-31',
    TRUE, FALSE, FALSE, '', 0
WHERE NOT EXISTS (SELECT 1 FROM dim_movie WHERE movie_key = -1);
