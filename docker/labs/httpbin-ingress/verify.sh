#!/bin/sh
# Runs every command of README.md on this machine's Docker and checks what it says.
exec python3 "$(dirname "$0")/../../verify.py" "$(dirname "$0")"
