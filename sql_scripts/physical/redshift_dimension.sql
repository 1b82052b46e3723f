-- Distribution and sort key of every dimension on Amazon Redshift that redshift.sql does not name. Dimensions are small and
-- joined from every node: a copy on each, in the order of its key, is joined without moving a row.
-- To run it by hand, replace {table} and {key}, such as dim_movie and movie_key.
ALTER TABLE {table} ALTER DISTSTYLE ALL;
ALTER TABLE {table} ALTER SORTKEY ({key});
