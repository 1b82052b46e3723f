"""`python -m dvdrental_etl.verify [CONFIG]`: print what does not hold; exit code 5 if there is any."""

import sys

from dvdrental_etl.verify.run import main

sys.exit(main(sys.argv[1:]))
