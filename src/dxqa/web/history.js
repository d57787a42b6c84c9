// Conversations kept in this browser: listed, searched, renamed, deleted and asked again.
(() => {
  const KEY = "dxqa-conversations";
  const MOST = 200;
  let current = null;

  function read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  function write(conversations) {
    let full = false;
    try {
      localStorage.setItem(KEY, JSON.stringify(conversations.slice(0, MOST)));
    } catch {
      full = true;
    }
    show();
    if (full) tell(dxqa.word("history-full"));
  }

  const tell = (text) => {
    const told = document.querySelector("#history-told");
    if (told) told.textContent = text;
  };

  // Newest first; an empty conversation is none, and the next question begins a new one.
  dxqa.onRecord((turns) => {
    if (!turns.length) {
      current = null;
      show();
      return;
    }
    current ??= `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    const kept = read();
    const before = kept.find((one) => one.id === current);
    const title = before?.title ?? turns[0].question.slice(0, 60);
    const rest = kept.filter((one) => one.id !== current);
    write([{ id: current, title, at: Date.now(), turns }, ...rest]);
  });

  const holds = (conversation, words) => {
    const told = conversation.turns.flatMap((turn) => [turn.question, turn.text]);
    const text = [conversation.title, ...told].join("\n").normalize("NFKC").toLowerCase();
    return words.every((word) => text.includes(word));
  };

  function show() {
    const list = document.querySelector("#history-list");
    if (!list) return;
    const search = document.querySelector("#history-search").value;
    const words = search.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    const found = read().filter((one) => holds(one, words));
    list.replaceChildren(...found.map(item));
    const all = words.length || found.length < 2 ? [] : [removal("delete-all", found)];
    document.querySelector("#history-erase").replaceChildren(...all);
    tell(found.length ? "" : dxqa.word(words.length ? "history-unfound" : "history-none"));
  }

  function element(tag, text, properties = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    return Object.assign(made, properties);
  }

  function item(conversation) {
    const made = document.createElement("li");
    const open = element("button", conversation.title, { type: "button", className: "open", lang: "ja" });
    open.append(element("small", new Date(conversation.at).toLocaleString(document.documentElement.lang, {
      dateStyle: "medium", timeStyle: "short",
    }), { lang: document.documentElement.lang }));
    if (conversation.id === current) open.setAttribute("aria-current", "true");
    open.onclick = () => reopen(conversation);
    const rename = element("button", dxqa.word("rename"), { type: "button" });
    rename.onclick = () => renameIn(made, conversation);
    const remove = removal("delete", [conversation]);
    const tools = element("span", "", { className: "tools" });
    tools.append(rename, remove);
    made.append(open, tools);
    return made;
  }

  function reopen(conversation) {
    current = conversation.id;
    dxqa.reopen(conversation.turns);
    document.querySelector("#close-side").click();
  }

  function renameIn(row, conversation) {
    const field = element("input", "", { type: "text", value: conversation.title, maxLength: 100 });
    field.setAttribute("aria-label", dxqa.word("rename"));
    let over = false;
    const finish = (keep) => {
      if (over) return;
      over = true;
      const title = field.value.trim();
      if (!keep || !title) show();
      else write(read().map((one) => (one.id === conversation.id ? { ...one, title } : one)));
    };
    field.onkeydown = (event) => {
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    };
    field.onblur = () => finish(true);
    row.replaceChildren(field);
    field.focus();
    field.select();
  }

  // A second press deletes: nothing is lost by one slip, and no dialog is in the way.
  function removal(word, conversations) {
    const button = element("button", dxqa.word(word), { type: "button" });
    const ids = new Set(conversations.map((one) => one.id));
    button.onclick = () => {
      if (!button.classList.contains("sure")) {
        button.classList.add("sure");
        button.textContent = dxqa.word(`${word}-sure`);
        button.onblur = show;
        return;
      }
      button.onblur = null;
      write(read().filter((one) => !ids.has(one.id)));
      if (ids.has(current)) document.querySelector("#clear").click();
    };
    return button;
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "history-search") show();
  });
  addEventListener("storage", (event) => event.key === KEY && show());
  const listed = new MutationObserver(() => {
    if (!document.querySelector("#history-list")) return;
    listed.disconnect();
    show();
  });
  listed.observe(document.documentElement, { childList: true, subtree: true });
})();
