-- The group that may read the star, for a DBA to run once. In it are the tables of the
-- star and the views; the record of runs (etl_*), staging and a fact's partitions are not.
-- The next load gives it these rights, and keeps them up to date: sql_scripts/reporting/grants.sql.
-- Replace dw, if warehouse.schema has another name. A member: ALTER GROUP reporting ADD USER alice;
CREATE ROLE reporting; -- on Redshift: CREATE GROUP reporting;
GRANT USAGE ON SCHEMA dw TO GROUP reporting;
