-- What does each staff member take in per month? It is who took the payment, in whichever store.
SELECT staff_name, payment_year_month, COUNT(*) AS payments, SUM(sales_amount) AS sales
FROM v_sales
GROUP BY staff_name, payment_year_month
ORDER BY staff_name, payment_year_month;
