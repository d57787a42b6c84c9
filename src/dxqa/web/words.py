"""The words of the interface in Japanese and English; what is answered and quoted stays Japanese.

The server does not know the reader's language: it speaks Japanese, and the browser puts that into
English (words.js). Gradio's own controls take their words from ``I18N``. In HTML of our own, a word
that means different things in different places has a key here and is a class that the script knows
(``say``); all else, messages of errors among it, stands in english.tsv and is known by its text.
What is marked ``lang="ja"`` is left as it is.
"""

import json
from importlib.resources import files

import gradio as gr

from dxqa.visible import UNSEEN

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("自治体DX事例 Q&A", "Local-government DX cases: Q&A"),
    "about": (
        "自治体のDXの事例について、資料の原文を引用してお答えします。資料にないことには、ないとお答えします。",
        "Answers in Japanese, quoted from the documents; what they do not say, it says so.",
    ),
    "log-out": ("ログアウト", "Log out"),
    "chat": ("質問", "Ask"),
    "cases": ("事例", "Cases"),
    "documents": ("資料", "Documents"),
    "chat-label": ("質問と回答", "Questions and answers"),
    "question": ("質問", "Question"),
    "answer": ("回答", "Answer"),
    "to-end": ("一番下へ", "To the end"),
    "placeholder": ("質問を入力してください", "Type a question in Japanese"),
    "send": ("送信", "Send"),
    "stop": ("中止", "Stop"),
    "reload": ("もう一度読み込む", "Load again"),
    "new": ("新しい会話", "New conversation"),
    "hint": ("Enterで送信、Shift+Enterで改行", "Enter sends, Shift+Enter breaks the line"),
    "welcome": (
        "知りたいことを、ふだんの言葉で尋ねてください。",
        "Ask in your own words, in Japanese.",
    ),
    "welcome-more": (
        "下の例を押しても質問できます。続けて「では人口は？」のように尋ねることもできます。",
        "Or press an example. Follow-up questions such as 「では人口は？」 work, too.",
    ),
    "filters": ("絞り込み", "Filters"),
    "filters-about": (
        "選んだ自治体の事例だけから探します。",
        "Only cases of these are searched.",
    ),
    "kind": ("種別", "Kind"),
    "prefecture": ("都道府県", "Prefecture"),
    "population": ("人口", "Population"),
    "other-keys": ("そのほかの項目", "Other"),
    "drawer": ("絞り込み・履歴", "Filters and history"),
    "close": ("閉じる", "Close"),
    "history": ("これまでの会話", "Conversations"),
    "history-about": (
        "このブラウザーの中だけに保存されます。",
        "Kept in this browser only.",
    ),
    "history-search": ("会話を検索", "Search conversations"),
    "history-none": ("まだありません。", "None yet."),
    "history-unfound": ("見つかりません。", "None found."),
    "history-full": (
        "ブラウザーの保存場所がいっぱいで、この会話を保存できません。古い会話を削除してください。",
        "The browser's storage is full: delete old conversations.",
    ),
    "rename": ("名前を変更", "Rename"),
    "delete": ("削除", "Delete"),
    "delete-sure": ("削除しますか？", "Delete?"),
    "delete-all": ("すべて削除", "Delete all"),
    "delete-all-sure": ("すべての会話を削除しますか？", "Delete all conversations?"),
    "cancel": ("やめる", "Cancel"),
    "save": ("会話を保存", "Save conversation"),
    "save-markdown": ("Markdown（.md）", "Markdown (.md)"),
    "save-json": ("JSON（.json）", "JSON (.json)"),
    "save-word": ("Word（.docx）", "Word (.docx)"),
    "evidence": ("回答の根拠", "Evidence"),
    "evidence-about": (
        "印のついた文が、回答に引用した部分です。",
        "The marked sentences are quoted in the answer.",
    ),
    "evidence-none": (
        "回答の中の番号を押すと、引用した資料の原文がここに表示され、引用した文に印がつきます。",
        "Press a number in an answer to see the passage here, the quoted sentence marked.",
    ),
    "case-evidence": ("引用した原文", "Passages quoted"),
    "case-evidence-about": (
        "印のついた文が、表に引用した部分です。",
        "The marked sentences are quoted in the table.",
    ),
    "case-back": ("↑ 表に戻る", "↑ Back to the table"),
    "nearest": ("近い資料（回答ではありません）", "Near the topic (no answer)"),
    "nearest-about": (
        "お尋ねの答えは資料に見つかりませんでした。話題の近い部分を参考に示します。",
        "The documents do not say. These passages are near the topic.",
    ),
    "reference": ("参考", "Reference"),
    "official_page": ("公式ページ", "Official page"),
    "source": ("出典", "Source"),
    "file": ("ファイル", "File"),
    "around": ("原文の前後を表示", "Show the text around it"),
    "back": ("↑ 回答に戻る", "↑ Back to the answer"),
    "copy": ("回答と出典をコピー", "Copy answer and sources"),
    "copied": ("コピーしました", "Copied"),
    "retry": ("もう一度", "Retry"),
    "edit": ("質問を直す", "Edit"),
    "link": ("リンクをコピー", "Copy link"),
    "editing": ("質問を直しています。送信すると、回答が入れ替わります。", "Editing a question."),
    "follow-ups": ("続けて尋ねる", "Ask next"),
    "next-steps": ("次にできること", "What you can do next"),
    "with-place": ("自治体名を入れて尋ね直す", "Ask again with a municipality"),
    "without-filters": ("絞り込みを外して尋ねる", "Ask again without filters"),
    "alone": ("前の質問と切り離して尋ねる", "Ask apart from the earlier questions"),
    "held": ("収録している自治体", "Municipalities held"),
    "choices": ("質問の候補", "Questions to choose from"),
    "choose": ("どれについてのお尋ねですか", "Which do you mean?"),
    "read-as": ("読み取った条件", "Read as"),
    "undone": ("外した条件", "Left out"),
    "filtered-by": ("絞り込み", "Filtered by"),
}


def _catalogue() -> dict[str, str]:
    lines = files("dxqa.web").joinpath("english.tsv").read_text("utf-8").splitlines()
    told = (line.split("\t", 1) for line in lines if line and not line.startswith("#"))
    return dict(told)


ENGLISH = _catalogue()
"""Japanese text to English; ``{0}`` stands for what differs, in both."""

_FIXED = {japanese: english for japanese, english in ENGLISH.items() if "{" not in japanese}
I18N = gr.I18n(
    ja={key: japanese for key, (japanese, _) in _WORDS.items()} | {text: text for text in _FIXED},
    en={key: english for key, (_, english) in _WORDS.items()} | _FIXED,
)
"""For ``launch``; ``I18N("send")``, by key, and ``I18N("理由")``, by text, are labels that the
browser shows in its own language."""


def say(key: str) -> str:
    """Return a word as HTML that the page shows in the browser's language."""
    return f'<span class="say say-{key}">{_WORDS[key][0].replace("&", "&amp;")}</span>'


def script() -> str:
    """Return the words as JavaScript, for the page's head."""
    words = json.dumps({"words": _WORDS, "english": ENGLISH}, ensure_ascii=False)
    unseen = json.dumps(UNSEEN)  # in ASCII: it holds what no page can
    told = f'window.dxqa = {words}; dxqa.unseen = new RegExp({unseen}, "gu");'
    return told.replace("<", "\\u003c")  # no text ends the script
