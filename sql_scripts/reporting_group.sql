-- The group that may read the star, for a DBA to run once. It reads the tables of the star and the views, not the record
-- of loads (etl_*), whose rejected rows are whole rows of the source, nor staging, nor the partitions of a fact.
-- The next load gives it these rights, and keeps them up to date: sql_scripts/reporting/grants.sql.
-- Replace dw, if warehouse.schema has another name. A member: ALTER GROUP reporting ADD USER alice;
CREATE ROLE reporting; -- on Redshift: CREATE GROUP reporting;
GRANT USAGE ON SCHEMA dw TO GROUP reporting;
