"""A stand-in for Amazon Redshift before the sandbox's PostgreSQL: for tests and trials, never for the jobs to import.

It speaks enough of Redshift's protocol for redshift_connector, refuses what Redshift refuses, executes COPY from an
S3 server of its own, and runs the rest on PostgreSQL. docs/redshift-emulator.md says what that proves.
"""
