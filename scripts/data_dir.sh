# Sourced: sets DATA_DIR as the environment says, else .env, else ./data; absolute.
if [[ -z ${DATA_DIR:-} && -f .env ]]; then
  DATA_DIR=$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?DATA_DIR[[:space:]]*=[[:space:]]*//p" .env | tail -n 1 |
    sed -E "s/^'([^']*)'.*/\1/; t; s/^\"([^\"]*)\".*/\1/; t; s/[[:space:]]+#.*//; s/[[:space:]]+$//")
fi
DATA_DIR=$(realpath -m -- "${DATA_DIR:-data}")
