"""States of a source, a warehouse, a configuration that people meet in year two, each with the verdict it must get.

Data, written by hand. tests/integration/test_hostile_*.py brings each about and holds the jobs to its verdict;
docs/reliability.md lists them (`make generate`).
"""
