"""An emulator of Amazon Redshift on top of the sandbox's PostgreSQL, for tests and the demo. The jobs never import it.

It implements Redshift's protocol as far as redshift_connector needs it, rejects what Redshift rejects, executes COPY
from its own S3 server, and runs all other statements on PostgreSQL. docs/redshift-emulator.md lists what this proves.
"""
