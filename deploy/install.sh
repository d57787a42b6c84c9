#!/bin/sh
# インターネットのない機械に dxqa を入れます。接続は一つも開きません。
#   sh install.sh [フォルダ]     既定のフォルダ: ./dxqa
# 二度目からは更新です。そこにある文書と記録には触れません。
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-dxqa}
python=${PYTHON:-python3}

stop() {
  echo "dxqa: $1" >&2
  exit 1
}

cd "$here"
sha256sum --check --quiet SHA256SUMS ||
  stop "上のファイルが作られたときと違います。もう一度、全部を写してください。"
wanted=$(cat python-version)
command -v "$python" >/dev/null || stop "Python がありません: $python"
found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$found" = "$wanted" ] ||
  stop "Python $wanted が要りますが、$python は $found です。PYTHON=python$wanted sh install.sh のように指定してください。"
cd - >/dev/null

mkdir -p "$target"
cd "$target"
"$python" -m venv --clear venv ||
  stop "仮想環境を作れません。Debian や Ubuntu では python3-venv が要ります。"
venv/bin/pip install --quiet --disable-pip-version-check --no-index --find-links "$here/wheels" \
  'dxqa[documents]'
[ -d corpus ] || cp -R "$here/corpus" corpus
venv/bin/dxqa build
echo "dxqa を入れました。始めるには: cd $(pwd) && venv/bin/dxqa serve"
