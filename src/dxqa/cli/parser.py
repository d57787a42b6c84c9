"""What can be typed: the commands and their options."""

import argparse
from collections.abc import Callable
from typing import Any

from dxqa.cli import commands as run
from dxqa.cli import upkeep
from dxqa.cli.bundled_corpus import CORPUS
from dxqa.cli.engine import add_address, add_choice
from dxqa.cli.serving import serve
from dxqa.encoders import BACKENDS

_INDEX = "index"
_PORT = 7860


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="dxqa", description="自治体DXの事例に、根拠を示して日本語で答えます (オフライン)。"
    )
    commands = parser.add_subparsers(required=True, metavar="コマンド")
    _add_build(commands)
    _add_search(commands)
    _add_ask(commands)
    _add_evaluate(commands)
    _add_serve(commands)
    _add_upkeep(commands)
    return parser


def _command(
    commands: Any,  # noqa: ANN401 - argparse names no public type for it
    name: str,
    action: Callable[[argparse.Namespace], None],
    text: str,
) -> argparse.ArgumentParser:
    parser = _index_command(commands, name, action, text)
    parser.add_argument(
        "--model", metavar="NAME", help="sentence-transformers のモデル名かフォルダ"
    )
    return parser


def _index_command(
    commands: Any,  # noqa: ANN401
    name: str,
    action: Callable[[argparse.Namespace], None],
    text: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=action)
    parser.add_argument(
        "--index", default=_INDEX, metavar="DIR", help="索引のフォルダ (既定: index)"
    )
    return parser


def _add_upkeep(commands: Any) -> None:  # noqa: ANN401
    parser = _index_command(commands, "info", upkeep.info, "索引の中身を示します。")
    parser.add_argument("--json", action="store_true", help="JSON で出力します")
    _index_command(commands, "verify", upkeep.verify, "索引が壊れていないか、すべて調べます。")
    _index_command(commands, "clean", upkeep.clean, "途中で終わった作業の残りを消します。")


def _add_build(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "build", run.build, "文書から索引を作ります (変わった所だけ)。")
    parser.add_argument("--corpus", default=CORPUS, metavar="DIR", help="文書 (既定: corpus)")
    parser.add_argument("--force", action="store_true", help="すべて作り直します")
    group = parser.add_argument_group("--model で指定したモデル")
    group.add_argument(
        "--truncate-dim",
        type=int,
        metavar="N",
        help="ベクトルのはじめの N 次元だけを使います (Matryoshka で学習したモデル)",
    )
    group.add_argument("--backend", choices=BACKENDS, help="計算に使うもの (既定: torch)")
    group = parser.add_argument_group("Ray のクラスター")
    group.add_argument(
        "--distributed",
        action="store_true",
        help="Ray のクラスターで分担して計算します (pip install 'dxqa[ray]')",
    )
    group.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="クラスターの head のホスト:ポート (既定: RAY_ADDRESS、なければこの機械の属するもの)",
    )
    add_choice(parser)


def _add_reranker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reranker", metavar="NAME", help="並べ替えに使う CrossEncoder のモデル名かフォルダ"
    )


def _add_search(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "search", run.search, "質問に近い箇所を探します。")
    parser.add_argument("question", metavar="QUESTION", help="質問")
    parser.add_argument("-k", type=int, default=5, metavar="N", help="件数 (既定: 5)")
    _add_reranker(parser)
    _add_filter(parser)
    add_address(parser)
    parser.add_argument("--json", action="store_true", help="JSON で出力します")


def _add_ask(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "ask", run.ask, "質問に、根拠を示して答えます。")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="質問")
    parser.add_argument(
        "--history", action="append", default=[], metavar="TEXT", help="前の質問 (古い順に何度でも)"
    )
    parser.add_argument("--batch", metavar="FILE", help="質問を並べた JSON Lines ファイル")
    _add_reranker(parser)
    _add_filter(parser)
    add_address(parser)
    _add_writer(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON で出力します")
    form.add_argument("--format", choices=["text", "markdown", "csv"], help="出力の形式")
    parser.add_argument(
        "--output", metavar="FILE", help="ファイルに保存します (.md .csv .docx .json .txt)"
    )
    parser.add_argument("--force", action="store_true", help="同じ名前のファイルに上書きします")


def _add_evaluate(commands: Any) -> None:  # noqa: ANN401
    parser = _command(
        commands, "evaluate", run.evaluate, "正解付きの質問で検索と回答を採点します。"
    )
    parser.add_argument("questions", metavar="QUESTIONS.jsonl", help="質問ファイル")
    parser.add_argument("--against", metavar="DIR", help="別の索引と、質問ごとに比べます")
    _add_reranker(parser)
    add_address(parser)
    parser.add_argument("--failures", action="store_true", help="外れた質問も並べます")
    parser.add_argument("--json", action="store_true", help="JSON で出力します")


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="項目で絞り込みます (例: prefecture=福島県、population=..30000)",
    )


def _add_serve(commands: Any) -> None:  # noqa: ANN401
    parser = _command(commands, "serve", serve, "ブラウザで使うチャットを開きます。")
    parser.add_argument("--corpus", default=CORPUS, metavar="DIR", help="文書 (既定: corpus)")
    _add_reranker(parser)
    parser.add_argument("--host", default="127.0.0.1", help="待ち受けるアドレス")
    parser.add_argument("--port", type=int, default=_PORT, help="ポート番号 (既定: 7860)")
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="リバースプロキシがこのページを置くパス (例: /dxqa)",
    )
    add_address(parser)
    _add_protection(parser)
    _add_records(parser)
    _add_writer(parser)


def _add_protection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("利用者の制限")
    group.add_argument(
        "--auth", metavar="FILE", help="使える人のファイル (「名前:ハッシュ」を 1 行に一人)"
    )
    group.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="ブラウザで開くときの名前 (何度でも)。指定すると、ほかの名前では開けません",
    )
    group.add_argument(
        "--admin-password-file",
        metavar="FILE",
        help="資料の変更と記録の閲覧に要るパスワードの、ハッシュのファイル",
    )
    group.add_argument(
        "--hash-password",
        action="store_true",
        help="パスワードのハッシュを作って終わります (起動しません)",
    )
    group.add_argument("--read-only", action="store_true", help="画面から資料を変えられなくします")


def _add_records(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("記録")
    group.add_argument(
        "--no-feedback", action="store_true", help="評価と、答えられなかった質問を記録しません"
    )
    group.add_argument(
        "--feedback-db", metavar="FILE", help="その記録の場所 (既定: 索引の隣の feedback.db)"
    )
    group.add_argument(
        "--feedback-days",
        type=int,
        default=365,
        metavar="N",
        help="その記録を消すまでの日数 (既定: 365、0 なら消すまで残します)",
    )
    group.add_argument(
        "--erase-feedback",
        action="store_true",
        help="その記録をすべて消して終わります (起動しません)",
    )
    group.add_argument(
        "--log-questions",
        action="store_true",
        help="ログに質問の文も書きます (電話番号などは伏せます)",
    )


def _add_writer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--llm",
        metavar="BASE_URL",
        help="回答を文章にする言語モデルのサーバー (OpenAI 互換、例: http://127.0.0.1:11434/v1)。"
        "質問と引用をそこへ送ります",
    )
    parser.add_argument("--llm-model", metavar="NAME", help="そのサーバーでの言語モデルの名前")
