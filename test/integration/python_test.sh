#!/usr/bin/env bash
# Other modules come from the runfiles and not from beside the script's real path.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=test/integration:$(dirname "$1") exec /usr/bin/python3 -P -u "$@"
