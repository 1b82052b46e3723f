"""Declarations: the DDL as a contract, targets, source tables and rules. Of files, only sql_scripts is read."""
