"""Declarations without I/O: the DDL as a contract, targets, source tables, rules and limits."""
