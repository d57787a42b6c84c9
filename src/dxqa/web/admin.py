"""The tab 資料: what is indexed, documents in and out, building anew, and what people said."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from dxqa.errors import DxqaError
from dxqa.web.attempts import Attempts
from dxqa.web.guard import FAILURES, WINDOW_S, address_of, too_often
from dxqa.web.holdings import (
    feedback_html,
    holdings_html,
    messages_html,
    pending_html,
    rebuilding_html,
)
from dxqa.web.journal import Journal
from dxqa.web.loading import IndexLoader
from dxqa.web.logs import event
from dxqa.web.options import ServeOptions
from dxqa.web.passwords import read_password
from dxqa.web.uploads import LARGEST_BYTES, Uploads
from dxqa.web.words import I18N

_NOT_ALLOWED = "この操作は、管理用のパスワードを入力した人だけができます。"
_READ_ONLY = "この画面からは資料を変えられない設定で動いています。"
_WRONG = "パスワードが違います。"
_BUSY = "いま準備か反映をしているところです。終わってから、もう一度押してください。"
_LIMITS = (
    "<p class='hint'>PDF、Word、Excel、CSV、HTML、テキスト、Markdown、JSON Lines。1 つ "
    f"{LARGEST_BYTES // 2**20} MB まで。同じ名前の文書には上書きしません。</p>"
    f"<div id='too-large' class='outcome fault' role='alert' data-most='{LARGEST_BYTES}' hidden>"
    "</div>"
)
_ERASING = (
    "<p role='alert'><strong>記録をすべて消します。元には戻せません。</strong> "
    "残しておきたいときは、先に「記録を表示する」から質問ファイルに書き出してください。</p>"
)
_WAIT_AFTER_WRONG_S = 1.0


class Rights:
    """Who may change documents and read feedback; asked again in every function that does."""

    def __init__(self, options: ServeOptions) -> None:
        """Read the password's hash.

        Raises:
            PasswordError: its file cannot be used.
        """
        self._password = read_password(options.admin_password) if options.admin_password else None
        self._attempts = Attempts(FAILURES, WINDOW_S)
        self._read_only = options.read_only

    @property
    def need_password(self) -> bool:
        """Whether there is anything that a password opens."""
        return self._password is not None

    def unlocks(self, password: str, address: str) -> bool:
        """Whether it is the password; a wrong one takes longer, against guessing.

        Raises:
            NotAllowedError: too many wrong ones have come from this address.
        """
        wait = self._attempts.begin(address)
        if wait:
            event("unlock", right=False, refused=True)
            raise NotAllowedError(too_often(wait))
        right = self._password is not None and self._password.matches(password)
        event("unlock", right=right)
        if right:
            self._attempts.succeed(address)
        else:
            time.sleep(_WAIT_AFTER_WRONG_S)
        return right

    def may_change(self, *, unlocked: bool) -> bool:
        """Whether documents may be changed."""
        return not self._read_only and (unlocked or not self.need_password)

    def may_read_feedback(self, *, unlocked: bool) -> bool:
        """Whether others' questions may be read: on a public page only with the password."""
        return unlocked if self.need_password else not self._read_only


class AdminRoom:
    """The controls of the tab and the functions behind them, laid out where it is made."""

    def __init__(
        self, tab: gr.Tab, loader: IndexLoader, journal: Journal, options: ServeOptions
    ) -> None:
        """Lay the tab out and wire it up.

        Raises:
            PasswordError: the admin password's file cannot be used.
        """
        self.loader = loader
        self.journal = journal
        self.rights = Rights(options)
        self.read_only = options.read_only
        self.uploads = Uploads(options.corpus)
        self.unlocked = gr.State(value=False)
        self.timer = gr.Timer(1, active=False)
        with gr.Row(elem_id="archive", equal_height=False):
            self.holdings = gr.HTML(elem_id="holdings", js_on_load=None)
            with gr.Column(elem_id="administration", min_width=320):
                self._lay_out_password()
                self._lay_out_changes()
        self._lay_out_feedback()
        self._wire(tab)

    def _lay_out_password(self) -> None:
        if self.read_only:
            gr.HTML(f"<p class='hint'>{_READ_ONLY}</p>", js_on_load=None)
        with gr.Column(visible=self.rights.need_password, elem_id="unlocking") as self.unlocking:
            self.password = gr.Textbox(
                label=I18N("管理用のパスワード"), type="password", elem_id="admin-password"
            )
            self.unlock = gr.Button(I18N("入る"), variant="primary", elem_id="unlock")
        self.outcome = gr.HTML(elem_id="outcome", js_on_load=None)

    def _lay_out_changes(self) -> None:
        shown = self.rights.may_change(unlocked=False)
        with gr.Column(visible=shown, elem_id="changes") as self.changes:
            gr.HTML(f"<h2>文書を追加する</h2>{_LIMITS}", js_on_load=None)
            self.upload = gr.UploadButton(
                "文書を選ぶ",
                file_count="multiple",
                elem_id="upload",
            )
            self.uploaded = gr.CheckboxGroup(
                [],
                label=I18N("追加した文書（選ぶと取り除けます）"),
                visible=False,
                elem_id="uploaded",
            )
            self.remove = gr.Button(I18N("選んだ文書を取り除く"), visible=False, elem_id="remove")
            gr.HTML("<h2>検索に反映する</h2>", js_on_load=None)
            self.pending = gr.HTML(elem_id="pending", js_on_load=None)
            self.build = gr.Button(I18N("検索に反映する"), variant="primary", elem_id="build")
            self.progress = gr.HTML(elem_id="progress", js_on_load=None)

    def _lay_out_feedback(self) -> None:
        shown = self.rights.may_read_feedback(unlocked=False) and self.journal.store is not None
        with gr.Column(visible=shown, elem_id="records") as self.records:
            gr.HTML(
                "<h2>質問の記録</h2><p class='hint'>答えられなかった質問と、"
                "回答への「いいね」「よくないね」です。"
                f"電話番号やメールアドレスなどは伏せてあります。</p>{self._kept_for()}",
                js_on_load=None,
            )
            with gr.Row(elem_id="records-acts"):
                self.show = gr.Button(I18N("記録を表示する"), elem_id="show-feedback")
                self.erase = gr.Button(I18N("記録をすべて消す"), elem_id="erase-feedback")
            with gr.Column(visible=False, elem_id="erasing") as self.erasing:
                gr.HTML(_ERASING, js_on_load=None)
                with gr.Row():
                    self.erase_now = gr.Button(I18N("消す"), variant="stop", elem_id="erase-now")
                    self.erase_not = gr.Button(I18N("やめる"), elem_id="erase-not")
            self.feedback = gr.HTML(elem_id="feedback", js_on_load=None)

    def _kept_for(self) -> str:
        days = self.journal.store.days if self.journal.store else 0
        return f"<p class='hint'>{days} 日たったものは消えます。</p>" if days else ""

    def _wire(self, tab: gr.Tab) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        work = [self.holdings, self.pending, self.build, self.progress, self.timer]
        view = [*work, self.uploaded, self.remove]
        tab.select(self._view, outputs=view, **quiet)
        self.timer.tick(self._work, outputs=work, **quiet)
        changed = [self.outcome, *view]
        self.upload.upload(self._add, inputs=[self.upload, self.unlocked], outputs=changed, **quiet)
        self.remove.click(
            self._remove, inputs=[self.uploaded, self.unlocked], outputs=changed, **quiet
        )
        self.build.click(self._build, inputs=[self.unlocked], outputs=changed, **quiet)
        opened = [self.unlocked, self.outcome, self.password, self.unlocking, self.changes]
        for open_up in (self.unlock.click, self.password.submit):
            open_up(self._unlock, inputs=[self.password], outputs=[*opened, self.records], **quiet)
        self.show.click(
            self._show_feedback, inputs=[self.unlocked], outputs=[self.feedback], **quiet
        )
        self.erase.click(lambda: gr.update(visible=True), outputs=[self.erasing], **quiet)
        self.erase_not.click(lambda: gr.update(visible=False), outputs=[self.erasing], **quiet)
        self.erase_now.click(
            self._erase_feedback,
            inputs=[self.unlocked],
            outputs=[self.feedback, self.erasing],
            **quiet,
        )

    def _view(self) -> tuple[Any, ...]:
        """Return everything as it is now."""
        names = self.uploads.names()
        shown = bool(names)
        files = gr.update(choices=names, value=[], visible=shown), gr.update(visible=shown)
        return (*self._work(), *files)

    def _work(self) -> tuple[Any, ...]:
        """Return what changes while an index is built; the timer runs until it is."""
        at_work = self.loader.at_work
        index = self.loader.index
        return (
            holdings_html(index),
            pending_html(self.uploads.pending(index.store.documents if index else {})),
            gr.update(interactive=index is not None and not at_work),
            rebuilding_html(self.loader.rebuilding),
            gr.Timer(active=at_work),
        )

    def _unlock(self, password: str, request: gr.Request | None = None) -> tuple[Any, ...]:
        wrong = [_WRONG]
        try:
            right = self.rights.unlocks(password, address_of(request))
        except NotAllowedError as error:
            right, wrong = False, [str(error)]
        return (
            right,
            "" if right else messages_html([], wrong),
            "",
            gr.update(visible=not right),
            gr.update(visible=self.rights.may_change(unlocked=right)),
            gr.update(
                visible=self.rights.may_read_feedback(unlocked=right)
                and self.journal.store is not None
            ),
        )

    def _add(self, files: list[str] | None, unlocked: bool) -> tuple[Any, ...]:  # noqa: FBT001
        """Take uploaded files in, each on its own; Gradio's copies are deleted in any case."""
        good: list[str] = []
        bad: list[str] = []
        for path in map(Path, files or []):
            try:
                self._check(unlocked=unlocked)
                name = self.uploads.add(path, path.name)
            except DxqaError as error:
                bad.append(str(error))
            else:
                event("upload", bytes=path.stat().st_size)
                good.append(f"{name} を追加しました。")
            finally:
                path.unlink(missing_ok=True)
        return messages_html(good, list(dict.fromkeys(bad))), *self._view()

    def _remove(self, names: Sequence[str], unlocked: bool) -> tuple[Any, ...]:  # noqa: FBT001
        good: list[str] = []
        bad: list[str] = [] if names else ["取り除く文書を選んでください。"]
        for name in names:
            try:
                self._check(unlocked=unlocked)
                self.uploads.remove(name)
            except DxqaError as error:
                bad.append(str(error))
            else:
                event("remove")
                good.append(f"{name} を取り除きました。")
        return messages_html(good, bad), *self._view()

    def _build(self, unlocked: bool) -> tuple[Any, ...]:  # noqa: FBT001 - Gradio gives values
        try:
            self._check(unlocked=unlocked)
        except DxqaError as error:
            return messages_html([], [str(error)]), *self._view()
        bad = [] if self.loader.rebuild() else [_BUSY]
        return messages_html([], bad), *self._view()

    def _show_feedback(self, unlocked: bool) -> str:  # noqa: FBT001 - Gradio gives values
        store = self.journal.store
        if store is None or not self.rights.may_read_feedback(unlocked=unlocked):
            return messages_html([], [_NOT_ALLOWED])
        try:
            return feedback_html(store.newest(), self.journal.trouble)
        except DxqaError as error:
            return messages_html([], [str(error)])

    def _erase_feedback(self, unlocked: bool) -> tuple[str, Any]:  # noqa: FBT001
        return self._erased(unlocked=unlocked), gr.update(visible=False)

    def _erased(self, *, unlocked: bool) -> str:
        store = self.journal.store
        if store is None or not self.rights.may_read_feedback(unlocked=unlocked):
            return messages_html([], [_NOT_ALLOWED])
        try:
            count = store.erase()
        except DxqaError as error:
            return messages_html([], [str(error)])
        event("erase", records=count)
        return messages_html([f"記録 {count:,} 件を消しました。"], [])

    def _check(self, *, unlocked: bool) -> None:
        """Refuse who may not change documents, whatever the browser shows."""
        if not self.rights.may_change(unlocked=unlocked):
            raise NotAllowedError(_READ_ONLY if self.read_only else _NOT_ALLOWED)


class NotAllowedError(DxqaError):
    """Someone who may not change documents tries to."""
