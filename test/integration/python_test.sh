#!/usr/bin/env bash
# Other modules are imported from the runfiles and not from the folder of the script's real path.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=test/integration:$(dirname "$1") exec /usr/bin/python3 -P -u "$@"
