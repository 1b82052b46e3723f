-- The business at a glance: payments by month, store, category and film. One scan of the fact.
WITH sales AS (
    SELECT payment_date_key / 100 AS year_month, store_key, movie_key, COUNT(*) AS payments, SUM(sales_amount) AS amount
    FROM fact_sales
    GROUP BY payment_date_key / 100, store_key, movie_key
),

named AS (
    SELECT s.year_month, st.store_id, today.city, m.category, m.film_id, m.title, s.payments, s.amount
    FROM sales s
    INNER JOIN dim_store st ON st.store_key = s.store_key
    INNER JOIN dim_store today ON today.store_id = st.store_id AND today.is_current
    INNER JOIN dim_movie m ON m.movie_key = s.movie_key
),

films AS (
    SELECT film_id, MAX(title) AS title, SUM(payments) AS payments, SUM(amount) AS amount,
        ROW_NUMBER() OVER (ORDER BY SUM(amount) DESC, film_id) AS place
    FROM named
    WHERE film_id > 0
    GROUP BY film_id
)

SELECT 'month' AS part, CASE WHEN year_month > 0 THEN CAST(year_month AS varchar(10)) ELSE 'Unknown' END AS label, CAST(year_month AS bigint) AS place,
    SUM(payments) AS payments, SUM(amount) AS amount
FROM named
GROUP BY year_month
UNION ALL
SELECT 'store', CASE WHEN store_id > 0 THEN MAX(city) ELSE 'Unknown' END, CAST(store_id AS bigint), SUM(payments), SUM(amount)
FROM named
GROUP BY store_id
UNION ALL
SELECT 'category', COALESCE(category, 'Unknown'), 0, SUM(payments), SUM(amount)
FROM named
GROUP BY COALESCE(category, 'Unknown')
UNION ALL
SELECT 'film', title, place, payments, amount
FROM films
WHERE place <= 10
