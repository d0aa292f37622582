#!/bin/sh
# Runs every command of README.md beside the lab bookinfo and checks what it says.
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/../verify.py" "$here/../labs/bookinfo" "$here/README.md"
