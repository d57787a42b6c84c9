// Buttons in answers, chips, links that repeat a question, and files handed over by the server.
(() => {
  let trigger = () => {};
  const takers = [];
  dxqa.record = [];
  dxqa.onRecord = (taker) => takers.push(taker);

  // Gradio calls this once, with its way of setting off an event of the bridge (chat.py).
  dxqa.connect = (set, watch, props) => {
    trigger = set;
    watch("value", () => {
      if (props.value?.record) {
        dxqa.record = props.value.record;
        takers.forEach((take) => take(dxqa.record));
      }
      if (props.value?.file) download(props.value);
    });
  };
  dxqa.reopen = (turns) => trigger("select", { turns });

  function download({ file, suffix, type }) {
    const bytes = Uint8Array.from(atob(file), (character) => character.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type }));
    const day = new Date().toLocaleDateString("sv-SE");
    link.download = `dxqa-${day}.${suffix}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  const box = () => document.querySelector("#question textarea");
  const busy = () => document.querySelector("#stop")?.offsetParent != null;

  // A question to press stands by itself: it needs nothing of what was asked before. Those beside a
  // declined answer name cases that the filters may leave out.
  dxqa.ask = (question, filtered = true) => trigger("submit", { request: { question }, filtered });

  // The name to be filled in is selected, so that typing replaces it.
  function askWithPlace(question) {
    const blank = "○○市";
    const area = box();
    area.value = `${blank}の${question}`;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
    area.setSelectionRange(0, blank.length);
  }

  const numberOf = (element) => Number(/\d+$/.exec(element.closest(".reply").id)?.[0]);
  const keyOf = (element) =>
    [...element.classList].find((name) => name.startsWith("key-"))?.slice(4);
  const askedIn = (number) => dxqa.record.find((turn) => turn.number === number);

  function linkTo(turn) {
    const url = new URL(location.pathname, location.href);
    url.searchParams.set("q", turn.question);
    for (const earlier of turn.history) url.searchParams.append("h", earlier);
    for (const name of ["filters", "undone"]) {
      if (Object.keys(turn[name]).length) url.searchParams.set(name, JSON.stringify(turn[name]));
    }
    return url.href;
  }

  function act(button) {
    const number = numberOf(button);
    const name = [...button.classList].find((one) => one.startsWith("act-")).slice(4);
    if (name === "ask") {
      dxqa.ask(button.title || button.textContent.trim(), !button.closest(".declined"));
    } else if (name === "place") askWithPlace(askedIn(number).question);
    else if (name === "edit") {
      trigger("edit", { turn: number });
      box().focus();
    } else if (name === "delete") trigger("delete", { turn: number });
    else if (name === "link") {
      const turn = askedIn(number);
      if (turn) dxqa.copy(linkTo(turn), button.parentElement.querySelector(".told"));
    } else trigger("submit", { act: name, turn: number, key: keyOf(button) });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target) || button) menu.open = false;
    });
    if (!button) return;
    if (button.matches("#chat .act") && !busy()) act(button);
    if (button.dataset.unset) trigger("apply", { key: button.dataset.unset });
    if (button.dataset.save) trigger("download", { form: button.dataset.save });
    if (button.id === "stop-editing") trigger("edit", { turn: 0 });
    if (button.id === "open-side" || button.id === "close-side") toggleSide(button.id === "open-side");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggleSide(false);
  });

  function toggleSide(open) {
    const side = document.querySelector("#side");
    if (side.classList.contains("open") === open) return;
    side.classList.toggle("open", open);
    const opener = document.querySelector("#open-side");
    opener.setAttribute("aria-expanded", String(open));
    (open ? document.querySelector("#close-side") : opener).focus();
  }

  // ?q=… asks when the page is ready; h=… are the questions before it.
  const wanted = new URLSearchParams(location.search);
  const parsed = (name) => {
    try {
      return JSON.parse(wanted.get(name) ?? "{}");
    } catch {
      return {};
    }
  };
  if (wanted.get("q")) {
    const waiting = setInterval(() => {
      if (!box() || box().disabled) return;
      clearInterval(waiting);
      const request = { question: wanted.get("q"), history: wanted.getAll("h") };
      trigger("submit", {
        request: { ...request, filters: parsed("filters"), undone: parsed("undone") },
      });
    }, 200);
  }
})();
