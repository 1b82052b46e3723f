-- Turn a generated dvdrental into a sibling such as Pagila: the same business, another hand's schema.
-- $ZONE is the time zone whose clock the timestamps were on.
CREATE SCHEMA "Rental";

-- Hundreds of stores, each with its manager and its place; copies spread over all of them.
INSERT INTO address (address_id, address, district, city_id, phone, last_update)
SELECT 10000 + n, n || ' Market Street', '', 1 + n % 600, '', '2006-02-15' FROM generate_series(1, 600) AS n;
INSERT INTO staff (staff_id, first_name, last_name, address_id, store_id, username, last_update)
SELECT n, 'First ' || n, 'Last ' || n, 10300 + n, n, 'user' || n, '2006-02-15' FROM generate_series(3, 300) AS n;
INSERT INTO store (store_id, manager_staff_id, address_id, last_update)
SELECT n, n, 10000 + n, '2006-02-15' FROM generate_series(3, 300) AS n;
UPDATE inventory SET store_id = 1 + inventory_id % 300;

-- Other types: text for varchar, integers for smallint, timestamptz for timestamp.
DROP TRIGGER film_fulltext_trigger ON film;
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT attrelid::regclass AS relation, attname, atttypid::regtype::text AS kind
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    LOOP
        IF c.kind = 'timestamp without time zone' THEN
            EXECUTE format('ALTER TABLE %s ALTER %I DROP DEFAULT', c.relation, c.attname);
            EXECUTE format('ALTER TABLE %s ALTER %I TYPE timestamptz USING %I AT TIME ZONE %L',
                c.relation, c.attname, c.attname, '$ZONE');
        ELSIF c.kind = 'character varying' THEN
            EXECUTE format('ALTER TABLE %s ALTER %I TYPE text', c.relation, c.attname);
        ELSIF c.kind = 'smallint' THEN
            EXECUTE format('ALTER TABLE %s ALTER %I TYPE integer', c.relation, c.attname);
        END IF;
    END LOOP;
END $$;
ALTER TABLE customer ALTER customer_id TYPE bigint;
ALTER TABLE film ALTER special_features TYPE varchar(30)[];

-- More columns, some that nobody may write.
ALTER TABLE film ADD original_language_id integer REFERENCES language,
    ADD revenue_projection numeric(7, 2) GENERATED ALWAYS AS (rental_duration * rental_rate) STORED;
ALTER TABLE customer ADD loyalty jsonb DEFAULT '{"tier": "gold"}', ADD "Preferred Name" text,
    ADD full_name text GENERATED ALWAYS AS (first_name || ' ' || last_name) STORED;
ALTER TABLE rental ADD rental_period tstzrange;
ALTER TABLE store ADD opening_hours text[];

-- payment in parts by month, its key beginning with the date, as a partitioned table needs it.
ALTER TABLE payment RENAME TO payment_whole;
CREATE TABLE payment (
    payment_id bigint NOT NULL,
    customer_id integer NOT NULL,
    staff_id integer NOT NULL,
    rental_id integer NOT NULL,
    amount numeric(5, 2) NOT NULL,
    payment_date timestamptz NOT NULL,
    currency text GENERATED ALWAYS AS ('USD') STORED,
    PRIMARY KEY (payment_date, payment_id)
) PARTITION BY RANGE (payment_date);
DO $$
BEGIN
    FOR n IN 0 .. 5 LOOP
        EXECUTE format('CREATE TABLE payment_p2007_%s PARTITION OF payment FOR VALUES FROM (%L) TO (%L)',
            to_char(n + 1, 'FM00'), timestamptz '2007-01-01 00:00+00' + n * interval '1 month',
            timestamptz '2007-01-01 00:00+00' + (n + 1) * interval '1 month');
    END LOOP;
END $$;
CREATE TABLE payment_other PARTITION OF payment DEFAULT;
INSERT INTO payment SELECT payment_id, customer_id, staff_id, rental_id, amount, payment_date FROM payment_whole;
DROP TABLE payment_whole;

-- Another schema, and a role that may read there and nothing else.
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT oid::regclass AS relation FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s SET SCHEMA "Rental"', r.relation);
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA "Rental" TO $READER;
GRANT SELECT ON ALL TABLES IN SCHEMA "Rental" TO $READER;
ANALYZE;
