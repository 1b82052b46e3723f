-- Payments and their amount by day, without those that are known to have changed since the load.
-- What a timestamp or numeric(5,2) of the star cannot hold counts as its sentinel, under which it is in quarantine.
SELECT
    CASE
        WHEN payment_date < TIMESTAMP '1582-10-15' THEN DATE '1582-10-15'
        WHEN payment_date >= TIMESTAMP '9999-12-31' THEN DATE '9999-12-31'
        ELSE CAST(payment_date AS date)
    END AS day,
    COUNT(*) AS payments,
    SUM(CASE WHEN amount NOT BETWEEN -999.99 AND 999.99 THEN 1000 ELSE amount END) AS amount
FROM payment
WHERE payment_id IS NULL OR payment_id NOT IN %(left_out)s
GROUP BY 1
