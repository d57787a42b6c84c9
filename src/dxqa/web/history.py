"""Where the conversations that the browser keeps are listed, and how one is taken along.

The list is filled by the script (history.js); the server never sees it.
"""

from dxqa.web.words import say

HISTORY = (
    f'<section class="history" aria-labelledby="history-title"><h2 id="history-title">'
    f'{say("history")}</h2><p class="about">{say("history-about")}</p>'
    '<input type="search" id="history-search" autocomplete="off">'
    '<ul id="history-list"></ul><p id="history-erase"></p>'
    '<p id="history-told" role="status"></p></section>'
)
SAVE = (
    f'<details class="menu" id="save-menu"><summary>{say("save")}</summary><div>'
    + "".join(
        f'<button type="button" data-save="{form}">{say(f"save-{form}")}</button>'
        for form in ("word", "markdown", "json")
    )
    + "</div></details>"
)
