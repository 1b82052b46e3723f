-- On which days of the week do customers pay most? Compare the average per day: there are not as many Mondays as Sundays.
SELECT payment_day_name, SUM(sales_amount) AS sales, ROUND(SUM(sales_amount) / COUNT(DISTINCT payment_date), 2) AS sales_per_day
FROM v_sales
GROUP BY payment_iso_weekday, payment_day_name
ORDER BY payment_iso_weekday;
