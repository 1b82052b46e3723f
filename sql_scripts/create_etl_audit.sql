-- etl_batch: one row per run (a DAG run, or one script started by hand).
CREATE TABLE IF NOT EXISTS etl_batch (
    batch_id      bigint        NOT NULL,  -- given by the warehouse, ascending; 0 wrote the members -1 and -2 and the calendar
    run_id        varchar(250)  NOT NULL,  -- the caller's name of the run: Airflow's run_id, or --batch-id
    as_of         timestamp     NOT NULL,  -- the point in time that the run stands for, on the source's clock
    status        varchar(20)   NOT NULL,  -- running, done, failed, dry run
    started_by    varchar(250)  NOT NULL,  -- user@host
    code_version  varchar(64)   NOT NULL,  -- version and commit of this suite
    started_at    timestamp     NOT NULL,  -- UTC
    finished_at   timestamp,               -- UTC
    PRIMARY KEY (batch_id)
);

-- etl_load: one row per attempt to load one table.
CREATE TABLE IF NOT EXISTS etl_load (
    load_id           bigint         NOT NULL,  -- given by the warehouse, ascending
    batch_id          bigint         NOT NULL,  -- etl_batch.batch_id
    table_name        varchar(63)    NOT NULL,  -- the table that is loaded
    attempt           varchar(32)    NOT NULL,  -- token of the driver; only the newest attempt may publish
    status            varchar(20)    NOT NULL,  -- running, published, failed, superseded
    as_of             timestamp      NOT NULL,  -- etl_batch.as_of
    source_snapshot   varchar(1000),            -- pg_current_snapshot() of the extract
    source_lsn        varchar(32),              -- write-ahead log position of the extract
    source_identity   varchar(1000),            -- server, line of its history, database, tables and columns that were read
    is_full           boolean,                  -- everything was compared, not only what changed
    extent            varchar(1000),            -- what was read, and why
    code_version      varchar(64)    NOT NULL,  -- version and commit of this suite
    code_digest       varchar(32)    NOT NULL,  -- md5 of jobs and DDL: another code compares everything
    rows_read         bigint,                   -- rows that transform() gave: all, or only those affected by changes
    rows_new          bigint,                   -- members or facts seen for the first time
    rows_changed      bigint,                   -- members or facts that differ from the last load
    rows_expired      bigint,                   -- versions closed
    rows_deleted      bigint,                   -- members marked deleted, facts removed
    rows_quarantined  bigint,                   -- rows in etl_reject
    rows_warned       bigint,                   -- rows that break a rule which only warns; they are loaded
    source_rows       bigint,                   -- counted in the source, on the extract's snapshot
    source_amount     numeric(18,2),            -- currency units; NULL for dimensions
    warehouse_rows    bigint,                   -- published + quarantined
    warehouse_amount  numeric(18,2),            -- currency units, published + quarantined; NULL for dimensions
    quarantined_amount  numeric(18,2),          -- the part of warehouse_amount that is in etl_reject
    started_at        timestamp      NOT NULL,  -- UTC
    seconds           numeric(12,3),            -- from the start of the script to the end of the publish
    keyed_by          bigint,                   -- of a dimension: the fact's load that gave its versions to facts
    reason            varchar(4000),            -- why it failed or was superseded, or what it warns of
    PRIMARY KEY (load_id)
);

-- etl_range: one row per range of 1,024 keys of a source table, as the last published load of a table counted it.
CREATE TABLE IF NOT EXISTS etl_range (
    table_name   varchar(63)    NOT NULL,  -- the table that was loaded
    source_name  varchar(63)    NOT NULL,  -- the source table that it is made of
    range_no     bigint         NOT NULL,  -- key / 1024, rounded down
    source_rows  bigint         NOT NULL,  -- rows of the source table in the range
    key_sum      numeric(38,0)  NOT NULL,  -- sum of hashint8extended(key, 0), PostgreSQL's hash
    load_id      bigint         NOT NULL,  -- etl_load.load_id that found it changed
    PRIMARY KEY (table_name, source_name, range_no)
);

-- etl_reject: one row per quarantined row per load. The latest load of a table has what is wrong today.
CREATE TABLE IF NOT EXISTS etl_reject (
    load_id      bigint         NOT NULL,  -- etl_load.load_id
    batch_id     bigint         NOT NULL,  -- etl_batch.batch_id
    table_name   varchar(63)    NOT NULL,  -- the table that the row was for
    natural_key  varchar(250),             -- key of the row in its source
    rule         varchar(100)   NOT NULL,  -- the rule that it broke
    column_name  varchar(63)    NOT NULL,  -- the column that broke the rule
    value        varchar(1000),            -- the value that broke it, cut to fit
    row_json     varchar(65535) NOT NULL   -- the whole row, cut to fit
);

-- etl_lock: no rows. Who gives a number in the run record locks it. On Redshift, which locks whole tables and readers with
-- them, all writers queue up here and not there.
CREATE TABLE IF NOT EXISTS etl_lock (
    nothing  smallint NOT NULL  -- never filled
);
