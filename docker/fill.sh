#!/bin/sh
# Load the source: the first dump in folder $1; without a dump, generated data of SCALE times the real dvdrental.
set -eu
for dump in "$1"/*.tar "$1"/*.dump "$1"/*.zip "$1"/*.sql "$1"/*.sql.gz; do
    if [ -e "$dump" ]; then
        exec python -m sandbox fill --dump "$dump"
    fi
done
exec python -m sandbox fill --scale "${SCALE:-1}"
