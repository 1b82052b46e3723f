-- fact_sales: one row per payment.
CREATE TABLE IF NOT EXISTS fact_sales (
    sales_key         bigint        NOT NULL,  -- payment.payment_id
    payment_date_key  integer       NOT NULL,  -- day of payment.payment_date; -1 when it is unknown
    rental_date_key   integer       NOT NULL,  -- day of rental.rental_date; -1 when there is no rental
    return_date_key   integer       NOT NULL,  -- day of rental.return_date; -2 while the rental is open
    customer_key      bigint        NOT NULL,  -- who paid (payment.customer_id), not always who rented
    staff_key         bigint        NOT NULL,  -- who took the payment (payment.staff_id)
    store_key         bigint        NOT NULL,  -- the store that owns the copy (inventory.store_id)
    movie_key         bigint        NOT NULL,  -- the film of the copy (inventory.film_id)
    sales_amount      numeric(5,2)  NOT NULL,  -- payment.amount, currency units
    rental_id         bigint,                  -- payment.rental_id
    payment_ts        timestamp     NOT NULL,  -- payment.payment_date; dimension versions are those valid then
    batch_id          bigint        NOT NULL,  -- etl_batch.batch_id that last wrote the row
    PRIMARY KEY (sales_key)
);
