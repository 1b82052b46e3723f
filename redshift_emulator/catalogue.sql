-- Functions and system views that Redshift has and PostgreSQL lacks, in pg_catalog so that every search_path finds them.
-- Run once in the emulator's database, as superuser.
SET allow_system_table_mods = on;

CREATE SCHEMA redshift_emulator;
GRANT USAGE ON SCHEMA redshift_emulator TO PUBLIC;

-- One row per table: distribution, sort key, and keys, which are not enforced.
CREATE TABLE redshift_emulator.design (table_id oid PRIMARY KEY, facts jsonb NOT NULL);
GRANT SELECT, INSERT, UPDATE ON redshift_emulator.design TO PUBLIC;

-- Aborts the transaction, for an error that the emulator found.
CREATE FUNCTION redshift_emulator.refuse(state text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message;
END $$;

-- varchar(n) and char(n) count bytes in Redshift, characters in PostgreSQL: so a check constraint limits the bytes.
CREATE FUNCTION redshift_emulator.after_ddl(name text, known jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c record;
    found oid := to_regclass(name);
    stale name;
BEGIN
    IF found IS NULL OR NOT EXISTS (SELECT FROM pg_class WHERE oid = found AND relkind IN ('r', 'p')) THEN
        RETURN;
    END IF;
    FOR c IN
        SELECT attnum, attname, atttypmod - 4 AS n, format('redshift_bytes_%s_%s', attnum, atttypmod - 4) AS wanted
        FROM pg_attribute
        WHERE attrelid = found AND attnum > 0 AND NOT attisdropped AND atttypmod > 4
            AND atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = found AND conname = c.wanted);
        FOR stale IN
            SELECT conname FROM pg_constraint
            WHERE conrelid = found AND starts_with(conname, format('redshift_bytes_%s_', c.attnum))
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found::regclass, stale);
        END LOOP;
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(rtrim(%I)) <= %s)',
            found::regclass, c.wanted, c.attname, c.n);
    END LOOP;
    INSERT INTO redshift_emulator.design VALUES (found, known)
    ON CONFLICT (table_id) DO UPDATE SET facts = redshift_emulator.design.facts || excluded.facts;
END $$;

CREATE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE
    RETURN date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC');
CREATE FUNCTION pg_catalog.redshift_emulator_sysdate() RETURNS timestamp LANGUAGE sql STABLE
    RETURN transaction_timestamp() AT TIME ZONE 'UTC';
CREATE FUNCTION pg_catalog.nvl(VARIADIC v anycompatiblearray) RETURNS anycompatible LANGUAGE sql IMMUTABLE
    AS 'SELECT x FROM unnest(v) WITH ORDINALITY AS u(x, n) WHERE x IS NOT NULL ORDER BY n LIMIT 1';
CREATE FUNCTION pg_catalog.nvl2(a anyelement, b anycompatible, c anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE
    AS 'SELECT CASE WHEN a IS NOT NULL THEN b ELSE c END';
CREATE FUNCTION pg_catalog."isnull"(a anycompatible, b anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE
    AS 'SELECT coalesce(a, b)';
CREATE FUNCTION pg_catalog.len(a text) RETURNS integer LANGUAGE sql IMMUTABLE RETURN length(a);
CREATE FUNCTION pg_catalog.charindex(part text, whole text) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN strpos(whole, part);
CREATE FUNCTION pg_catalog.strtol(digits text, base integer) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    total bigint := 0;
    value integer;
    digit text;
BEGIN
    FOREACH digit IN ARRAY regexp_split_to_array(lower(ltrim(digits, '-+')), '') LOOP
        value := strpos('0123456789abcdefghijklmnopqrstuvwxyz', digit) - 1;
        IF value < 0 OR value >= base THEN
            RAISE EXCEPTION 'The input % is not valid to be converted to base %', digits, base USING ERRCODE = '22023';
        END IF;
        total := total * base + value;
    END LOOP;
    RETURN CASE WHEN starts_with(digits, '-') THEN -total ELSE total END;
END $$;
CREATE FUNCTION pg_catalog.decode(e anycompatible, a anycompatible, x anycompatiblenonarray) RETURNS anycompatiblenonarray
    LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN e IS NOT DISTINCT FROM a THEN x END';
CREATE FUNCTION pg_catalog.decode(e anyelement, a anyelement, x anycompatible, y anycompatible) RETURNS anycompatible
    LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN e IS NOT DISTINCT FROM a THEN x ELSE y END';
CREATE FUNCTION pg_catalog.decode(e anyelement, a anyelement, x anycompatible, b anyelement, y anycompatible, z anycompatible)
    RETURNS anycompatible LANGUAGE sql IMMUTABLE
    AS 'SELECT CASE WHEN e IS NOT DISTINCT FROM a THEN x WHEN e IS NOT DISTINCT FROM b THEN y ELSE z END';
CREATE FUNCTION pg_catalog.redshift_emulator_unit(unit text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN lower(unit) IN ('y', 'yr', 'yrs', 'years', 'year') THEN 'year'
        WHEN lower(unit) IN ('qtr', 'qtrs', 'quarters', 'quarter') THEN 'quarter'
        WHEN lower(unit) IN ('mon', 'mons', 'months', 'month') THEN 'month'
        WHEN lower(unit) IN ('w', 'weeks', 'week') THEN 'week'
        WHEN lower(unit) IN ('d', 'days', 'day') THEN 'day'
        WHEN lower(unit) IN ('h', 'hr', 'hrs', 'hours', 'hour') THEN 'hour'
        WHEN lower(unit) IN ('m', 'min', 'mins', 'minutes', 'minute') THEN 'minute'
        WHEN lower(unit) IN ('s', 'sec', 'secs', 'seconds', 'second') THEN 'second'
        WHEN lower(unit) IN ('ms', 'millisecond', 'milliseconds') THEN 'millisecond'
        ELSE 'microsecond'
    END;
CREATE FUNCTION pg_catalog.dateadd(unit text, n bigint, t timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE
    RETURN t + CASE redshift_emulator_unit(unit)
        WHEN 'quarter' THEN n * interval '3 month'
        ELSE n * ('1 ' || redshift_emulator_unit(unit))::interval
    END;
CREATE FUNCTION pg_catalog.datediff(unit text, a timestamp, b timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN CASE redshift_emulator_unit(unit)
        WHEN 'year' THEN extract(year FROM b) - extract(year FROM a)
        WHEN 'quarter' THEN (extract(year FROM b) - extract(year FROM a)) * 4
            + extract(quarter FROM b) - extract(quarter FROM a)
        WHEN 'month' THEN (extract(year FROM b) - extract(year FROM a)) * 12
            + extract(month FROM b) - extract(month FROM a)
        WHEN 'week' THEN (date_trunc('week', b + interval '1 day')::date - date_trunc('week', a + interval '1 day')::date) / 7
        WHEN 'day' THEN b::date - a::date
        WHEN 'hour' THEN extract(epoch FROM date_trunc('hour', b) - date_trunc('hour', a)) / 3600
        WHEN 'minute' THEN extract(epoch FROM date_trunc('minute', b) - date_trunc('minute', a)) / 60
        WHEN 'second' THEN extract(epoch FROM date_trunc('second', b) - date_trunc('second', a))
        WHEN 'millisecond' THEN extract(epoch FROM b - a) * 1000
        ELSE extract(epoch FROM b - a) * 1000000
    END;
CREATE FUNCTION pg_catalog.add_months(t timestamp, n integer) RETURNS timestamp LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN t::date = (date_trunc('month', t) + interval '1 month' - interval '1 day')::date
        THEN date_trunc('month', t) + (n + 1) * interval '1 month' - interval '1 day' + (t - date_trunc('day', t))
        ELSE t + n * interval '1 month' END;
CREATE FUNCTION pg_catalog.last_day(t timestamp) RETURNS date LANGUAGE sql IMMUTABLE
    RETURN (date_trunc('month', t) + interval '1 month' - interval '1 day')::date;
CREATE FUNCTION pg_catalog.trunc(t timestamp) RETURNS date LANGUAGE sql IMMUTABLE RETURN t::date;
CREATE FUNCTION pg_catalog.convert_timezone(zone text, t timestamp) RETURNS timestamp LANGUAGE sql STABLE
    RETURN t AT TIME ZONE 'UTC' AT TIME ZONE zone;
CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql VOLATILE
    RETURN coalesce(nullif(current_setting('redshift_emulator.last_copy_count', true), ''), '0')::bigint;
CREATE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint LANGUAGE sql VOLATILE
    RETURN coalesce(nullif(current_setting('redshift_emulator.last_copy_id', true), ''), '-1')::bigint;

CREATE VIEW pg_catalog.pg_table_def AS
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
    replace(format_type(a.atttypid, a.atttypmod), 'timestamp(6)', 'timestamp') AS type,
    lower(coalesce(d.facts #>> ARRAY['encodings', a.attname], 'none')) AS encoding,
    coalesce(d.facts ->> 'distkey' = a.attname, false) AS distkey,
    coalesce((SELECT s.n::integer FROM jsonb_array_elements_text(d.facts -> 'sortkey') WITH ORDINALITY AS s(name, n)
        WHERE s.name = a.attname), 0) AS sortkey,
    a.attnotnull AS notnull
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN redshift_emulator.design d ON d.table_id = c.oid
WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (current_schemas(false));

CREATE VIEW pg_catalog.svv_table_info AS
SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid AS table_id, c.relname::text AS "table",
    'Y'::text AS encoded,
    CASE coalesce(d.facts ->> 'diststyle', 'AUTO')
        WHEN 'KEY' THEN format('KEY(%s)', d.facts ->> 'distkey')
        WHEN 'AUTO' THEN 'AUTO(ALL)'
        ELSE d.facts ->> 'diststyle'
    END AS diststyle,
    d.facts #>> '{sortkey,0}' AS sortkey1,
    coalesce(jsonb_array_length(d.facts -> 'sortkey'), 0) AS sortkey_num,
    pg_total_relation_size(c.oid) / 1048576 AS size, c.reltuples::numeric AS tbl_rows
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN redshift_emulator.design d ON d.table_id = c.oid
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift_emulator', 'pg_toast');

CREATE VIEW pg_catalog.svv_columns AS
SELECT table_catalog::text, table_schema::text, table_name::text, column_name::text, ordinal_position::integer,
    column_default::text, is_nullable::text, data_type::text, character_maximum_length::integer,
    numeric_precision::integer, numeric_scale::integer, datetime_precision::integer
FROM information_schema.columns;

CREATE VIEW pg_catalog.svv_tables AS
SELECT table_catalog::text, table_schema::text, table_name::text, table_type::text FROM information_schema.tables;

CREATE VIEW pg_catalog.svv_external_schemas AS SELECT NULL::oid AS esoid, NULL::text AS schemaname WHERE false;

-- Two slices per node; the number of slices is a setting of the emulator.
CREATE VIEW pg_catalog.stv_slices AS
SELECT n / 2 AS node, n AS slice, n % 2 AS localslice, 'D'::char(1) AS type
FROM generate_series(0, current_setting('redshift_emulator.slices')::integer - 1) AS n;

-- The rows of a failed COPY must survive its rollback: the emulator writes them on a separate connection.
CREATE TABLE pg_catalog.sys_load_error_detail (
    user_id integer, query_id bigint, transaction_id bigint, session_id integer, database_name text, table_id integer,
    start_time timestamp, file_name text, line_number bigint, column_name text, column_type text, column_length text,
    position integer, error_code integer, error_message text
);
CREATE VIEW pg_catalog.stl_load_errors AS
SELECT user_id AS userid, 0 AS slice, table_id AS tbl, start_time AS starttime, session_id AS session, query_id AS query,
    file_name AS filename, line_number, column_name AS colname, column_type AS type, column_length AS col_length,
    position, ''::text AS raw_line, ''::text AS raw_field_value, error_code AS err_code, error_message AS err_reason
FROM pg_catalog.sys_load_error_detail;
GRANT SELECT ON pg_catalog.pg_table_def, pg_catalog.svv_table_info, pg_catalog.svv_columns, pg_catalog.svv_tables,
    pg_catalog.svv_external_schemas, pg_catalog.sys_load_error_detail, pg_catalog.stl_load_errors,
    pg_catalog.stv_slices TO PUBLIC;
