-- The tables of dvdrental, created before their data: no keys, no indexes. $customer_key and $address_key are smallint,
-- as in dvdrental, or integer, as in Pagila, if the scale exceeds smallint.
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CONSTRAINT year_check CHECK (VALUE >= 1901 AND VALUE <= 2155);

CREATE SEQUENCE actor_actor_id_seq;
CREATE TABLE actor (
    actor_id integer NOT NULL DEFAULT nextval('actor_actor_id_seq'),
    first_name varchar(45) NOT NULL,
    last_name varchar(45) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE address_address_id_seq;
CREATE TABLE address (
    address_id integer NOT NULL DEFAULT nextval('address_address_id_seq'),
    address varchar(50) NOT NULL,
    address2 varchar(50),
    district varchar(20) NOT NULL,
    city_id smallint NOT NULL,
    postal_code varchar(10),
    phone varchar(20) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE category_category_id_seq;
CREATE TABLE category (
    category_id integer NOT NULL DEFAULT nextval('category_category_id_seq'),
    name varchar(25) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE city_city_id_seq;
CREATE TABLE city (
    city_id integer NOT NULL DEFAULT nextval('city_city_id_seq'),
    city varchar(50) NOT NULL,
    country_id smallint NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE country_country_id_seq;
CREATE TABLE country (
    country_id integer NOT NULL DEFAULT nextval('country_country_id_seq'),
    country varchar(50) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE customer_customer_id_seq;
CREATE TABLE customer (
    customer_id integer NOT NULL DEFAULT nextval('customer_customer_id_seq'),
    store_id smallint NOT NULL,
    first_name varchar(45) NOT NULL,
    last_name varchar(45) NOT NULL,
    email varchar(50),
    address_id $address_key NOT NULL,
    activebool boolean NOT NULL DEFAULT true,
    create_date date NOT NULL DEFAULT CURRENT_DATE,
    last_update timestamp DEFAULT now(),
    active integer
);

CREATE SEQUENCE film_film_id_seq;
CREATE TABLE film (
    film_id integer NOT NULL DEFAULT nextval('film_film_id_seq'),
    title varchar(255) NOT NULL,
    description text,
    release_year year,
    language_id smallint NOT NULL,
    rental_duration smallint NOT NULL DEFAULT 3,
    rental_rate numeric(4,2) NOT NULL DEFAULT 4.99,
    length smallint,
    replacement_cost numeric(5,2) NOT NULL DEFAULT 19.99,
    rating mpaa_rating DEFAULT 'G',
    last_update timestamp NOT NULL DEFAULT now(),
    special_features text[],
    fulltext tsvector NOT NULL
);
-- Created before the data, because it fills fulltext, which is NOT NULL. There are few films.
CREATE TRIGGER film_fulltext_trigger BEFORE INSERT OR UPDATE ON film
    FOR EACH ROW EXECUTE PROCEDURE tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title', 'description');

CREATE TABLE film_actor (
    actor_id smallint NOT NULL,
    film_id smallint NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE TABLE film_category (
    film_id smallint NOT NULL,
    category_id smallint NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE inventory_inventory_id_seq;
CREATE TABLE inventory (
    inventory_id integer NOT NULL DEFAULT nextval('inventory_inventory_id_seq'),
    film_id smallint NOT NULL,
    store_id smallint NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE language_language_id_seq;
CREATE TABLE language (
    language_id integer NOT NULL DEFAULT nextval('language_language_id_seq'),
    name char(20) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE payment_payment_id_seq;
CREATE TABLE payment (
    payment_id integer NOT NULL DEFAULT nextval('payment_payment_id_seq'),
    customer_id $customer_key NOT NULL,
    staff_id smallint NOT NULL,
    rental_id integer NOT NULL,
    amount numeric(5,2) NOT NULL,
    payment_date timestamp NOT NULL
);

CREATE SEQUENCE rental_rental_id_seq;
CREATE TABLE rental (
    rental_id integer NOT NULL DEFAULT nextval('rental_rental_id_seq'),
    rental_date timestamp NOT NULL,
    inventory_id integer NOT NULL,
    customer_id $customer_key NOT NULL,
    return_date timestamp,
    staff_id smallint NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);

CREATE SEQUENCE staff_staff_id_seq;
CREATE TABLE staff (
    staff_id integer NOT NULL DEFAULT nextval('staff_staff_id_seq'),
    first_name varchar(45) NOT NULL,
    last_name varchar(45) NOT NULL,
    address_id $address_key NOT NULL,
    email varchar(50),
    store_id smallint NOT NULL,
    active boolean NOT NULL DEFAULT true,
    username varchar(16) NOT NULL,
    password varchar(40),
    last_update timestamp NOT NULL DEFAULT now(),
    picture bytea
);

CREATE SEQUENCE store_store_id_seq;
CREATE TABLE store (
    store_id integer NOT NULL DEFAULT nextval('store_store_id_seq'),
    manager_staff_id smallint NOT NULL,
    address_id $address_key NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);
