// 事例: filtering, selecting and opening cases. The server is asked only for what is opened.
(() => {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const behavior = () => (calm.matches ? "auto" : "smooth");
  const list = () => document.querySelector("#cases");
  const view = () => document.querySelector("#case-view");
  const find = (selector) => list()?.querySelector(selector);
  const all = (selector) => [...(list()?.querySelectorAll(selector) ?? [])];
  const plain = (text) => text.normalize("NFKC").toLowerCase();

  // What is chosen outlives the markup, which the server may send again.
  let prefecture = "";
  let picked = [];
  let opener = null;

  const words = () => plain(find("#case-words")?.value ?? "").split(/\s+/).filter(Boolean);
  const kind = () => find("#case-kind")?.value ?? "";

  // Names and summaries are looked through at once; what else the cases tell, by the server.
  let found = { typed: "", cases: {} };
  const typed = () => words().join(" ");
  const matches = (name) => (typed() && typed() === found.typed ? found.cases[name] : undefined);

  function fits(card, wanted) {
    return (
      (!prefecture || card.dataset.prefecture === prefecture) &&
      (!kind() || card.dataset.kind === kind()) &&
      (matches(card.dataset.name) || wanted.every((word) => card.dataset.words.includes(word)))
    );
  }

  let asking;
  function search() {
    filter();
    clearTimeout(asking);
    if (!typed() || typed() === found.typed) return;
    asking = setTimeout(() => {
      find(".browse").dispatchEvent(new CustomEvent("search-cases", { detail: { words: typed() }, bubbles: true }));
    }, 250);
  }

  function takeFound() {
    const told = document.querySelector("#cases-found .found-cases");
    if (!told) return;
    found = { typed: told.dataset.typed, cases: JSON.parse(told.dataset.found) };
    filter();
  }

  // Where in a case the words stand.
  function showMatch(card) {
    const [count, sentence] = matches(card.dataset.name) ?? [0, ""];
    const line = card.querySelector(".matched");
    line.hidden = !count;
    if (!count || line.dataset.told === sentence + count) return;
    line.dataset.told = sentence + count;
    const heading = document.createElement("span");
    heading.textContent = `一致する文：${count}か所`;
    const quote = document.createElement("span");
    quote.lang = "ja";
    quote.textContent = sentence;
    line.replaceChildren(heading, quote);
  }

  // Hundreds of cards at once help nobody: so many are shown, and more when asked for.
  const PAGE = 60;
  let most = PAGE;

  function filter() {
    const cards = all(".case");
    if (!cards.length) return;
    const wanted = words();
    const fitting = cards.filter((card) => fits(card, wanted));
    const visible = new Set(fitting.slice(0, most));
    for (const card of cards) {
      const hidden = !visible.has(card);
      if (card.hidden !== hidden) card.hidden = hidden;
      if (!hidden) showMatch(card);
    }
    const shown = fitting.length;
    const left = shown - visible.size;
    find("#more-cases").hidden = !left;
    tell("#more-cases", `さらに表示する（残り${left}件）`);
    const inAll = fitting.reduce((sum, card) => sum + (matches(card.dataset.name)?.[0] ?? 0), 0);
    tell("#case-matches", inAll ? `一致する文 ${inAll}か所` : "");
    const where = prefecture ? `${prefecture}の` : "";
    const told = shown === cards.length ? `${cards.length}件の事例` : `${where}事例 ${shown}件（全${cards.length}件）`;
    tell("#case-count", told);
    find("#cases-none").hidden = shown > 0;
    find("#ask-words").hidden = !wanted.length;
    find("#case-reset").hidden = !(prefecture || kind() || words().length);
    for (const tile of all("button.tile")) {
      tile.setAttribute("aria-pressed", String(tile.dataset.prefecture === prefecture));
    }
  }

  function tell(selector, text) {
    const element = find(selector);
    const told = dxqa.inLanguage(text);
    if (element && element.textContent !== told) element.textContent = told;
  }

  function reset() {
    prefecture = "";
    find("#case-words").value = "";
    find("#case-kind").value = "";
    filter();
    find("#case-words").focus();
  }

  function showPicked() {
    const tray = find(".tray");
    if (!tray) return;
    const known = new Set(all(".case").map((card) => card.dataset.name));
    picked = picked.filter((name) => known.has(name));
    const most = Number(tray.dataset.most);
    for (const card of all(".case")) {
      const box = card.querySelector(".pick-case");
      box.checked = picked.includes(card.dataset.name);
      box.disabled = !box.checked && picked.length >= most;
    }
    tray.hidden = !picked.length;
    find("#compare-cases").disabled = picked.length < 2;
    const advice = picked.length < 2 ? "もう1件以上選ぶと比較できます。" : picked.length < most ? `${most}件まで選べます。` : `これ以上は選べません（${most}件まで）。`;
    tell("#tray-told", `${picked.length}件を選択中。${advice}`);
    const titles = all(".case").filter((card) => picked.includes(card.dataset.name));
    tell("#tray-names", titles.map((card) => card.querySelector("h3").textContent).join("、"));
  }

  function pick(box) {
    const name = box.closest(".case").dataset.name;
    picked = box.checked ? [...picked, name] : picked.filter((other) => other !== name);
    showPicked();
  }

  function open(names, button) {
    opener = button;
    room()?.classList.add("opened", "waiting");
    find(".browse").dispatchEvent(new CustomEvent("open-cases", { detail: { names }, bubbles: true }));
  }

  const room = () => list()?.closest('[role="tabpanel"]');

  function back() {
    room()?.classList.remove("opened", "waiting");
    (document.contains(opener) ? opener : find("#case-words"))?.focus();
  }

  // What was opened has come: it is read from its top.
  function arrived() {
    room()?.classList.remove("waiting");
    const heading = view().querySelector("h2, .view-error");
    room().scrollTop = 0;
    if (getComputedStyle(room()).overflowY === "visible") room().scrollIntoView({ block: "start" });
    heading?.focus({ preventScroll: true });
  }

  function showPassage(link) {
    const number = link.getAttribute("href").split("-").at(-1);
    for (const element of view().querySelectorAll(".active")) element.classList.remove("active");
    const card = view().querySelector(`.card[data-cites~="${number}"]`);
    if (!card) return;
    const marks = card.querySelectorAll(`mark[data-cites~="${number}"]`);
    for (const element of [link, card, ...marks]) element.classList.add("active");
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "center", behavior: behavior() });
  }

  const clicks = {
    "button.tile": (tile) => {
      prefecture = prefecture === tile.dataset.prefecture ? "" : tile.dataset.prefecture;
      most = PAGE;
      filter();
      const filters = find(".case-filters");
      if (filters.getBoundingClientRect().top > innerHeight / 2) filters.scrollIntoView({ block: "start", behavior: behavior() });
    },
    "#case-reset": reset,
    "#ask-words": () => {
      document.querySelector("#room-chat-button").click();
      dxqa.ask(`${typed()}の事例を教えて`, false);
    },
    "#more-cases": () => {
      const first = all(".case").filter((card) => !card.hidden).length;
      most += PAGE;
      filter();
      all(".case:not([hidden]) .open-case")[first]?.focus();
    },
    ".open-case": (button) => open([button.closest(".case").dataset.name], button),
    "#compare-cases": (button) => open(picked, button),
    "#unpick-cases": () => {
      picked = [];
      showPicked();
      find("#case-words").focus();
    },
    "#back-to-cases": back,
    'a[href*="#cite-"]': showPassage,
    'a[href*="#answer-"]': () => view().querySelector("h2").scrollIntoView({ block: "start", behavior: behavior() }),
  };

  // Before the chat's own listener, which knows the same links.
  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest?.("#cases, #case-view")) return;
      for (const [selector, act] of Object.entries(clicks)) {
        const found = event.target.closest(selector);
        if (!found || found.disabled) continue;
        event.preventDefault();
        event.stopPropagation();
        act(found);
        return;
      }
    },
    true,
  );
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("#case-words, #case-kind")) {
      most = PAGE;
      search();
    }
    if (event.target.matches?.(".pick-case")) pick(event.target);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches?.(".case-filters")) event.preventDefault();
  });

  // Gradio changes elements in place: only data-drawn tells that the server has sent others.
  let drawn;
  let shown;
  new MutationObserver(() => {
    const browse = find(".browse")?.dataset.drawn;
    if (browse && browse !== drawn) {
      // On a narrow screen the map would stand between the reader and the cases.
      if (!drawn && matchMedia("(max-width: 860px)").matches) find("#map").open = false;
      filter();
      showPicked();
    }
    drawn = browse;
    const told = document.querySelector("#cases-found .found-cases")?.dataset.typed;
    if (told !== undefined && told !== found.typed) takeFound();
    const opened = view()?.querySelector(".opened-case")?.dataset.drawn;
    if (opened && opened !== shown) arrived();
    shown = opened;
  }).observe(document.documentElement, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["data-drawn", "data-found"],
  });
})();
