#!/bin/sh
# Makes dist/dxqa-offline/: all that a machine without internet needs. docs/offline.md tells how.
#   deploy/offline_bundle.sh [options of pip wheel]
# PYTHON is the Python that the other machine has (the same version), OUT another folder.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=${OUT:-dist/dxqa-offline}

rm -rf "$out"
mkdir -p "$out/wheels"

# A copy: setuptools would leave its build folder here, and take up what an older one left.
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp -RL pyproject.toml README.md LICENSE src "$source"
# Not `pip download`: unidic-lite comes as source only, and would have to be built over there.
"$python" -m pip wheel --quiet --wheel-dir "$out/wheels" "$@" "$source[documents]"

cp -R corpus deploy/install.sh deploy/dxqa.service deploy/nginx.conf docs/offline.md "$out"
rm -rf "$out/corpus/uploads" # what was added here through the page stays here
"$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' > "$out/python-version"
(cd "$out" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k 2 > SHA256SUMS)

if ls "$out"/wheels/nvidia_* >/dev/null 2>&1; then
  echo "CUDA packages are in it; docs/offline.md tells how to do without them." >&2
fi
echo "$out: $(ls "$out/wheels" | wc -l) wheels, $(du -sh "$out" | cut -f 1)"
