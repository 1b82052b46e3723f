"""A DVD rental business to run against: PostgreSQL from a wheel, dvdrental from a dump or generated.

`python -m sandbox up` for people; `sandbox.server.Sandbox` and `sandbox.fill.fill` for tests and the demo.
"""
