-- Payments and their amount by day, without those that are known to have changed since the load.
SELECT CAST(CAST(payment_date AS timestamp) AS date) AS day, COUNT(*) AS payments, SUM(amount) AS amount
FROM payment
WHERE payment_id IS NULL OR payment_id NOT IN %(left_out)s
GROUP BY 1
