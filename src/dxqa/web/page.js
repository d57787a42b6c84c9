// What the browser does by itself: links from an answer to its passages, IME, copying.
(() => {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const behavior = () => (calm.matches ? "auto" : "smooth");

  // Enter that ends an IME composition must not send: Gradio sends on keypress and does not look at
  // isComposing; Safari reports the closing Enter only by keyCode 229 of its keydown.
  let composed = false;
  const holdBack = (event) => {
    if (event.type === "keydown") composed = event.isComposing || event.keyCode === 229;
    if (event.key === "Enter" && (composed || event.isComposing)) event.stopImmediatePropagation();
  };
  document.addEventListener("keydown", holdBack, true);
  document.addEventListener("keypress", holdBack, true);

  const turns = () => [...document.querySelectorAll("#panel .turn")];

  let shown = "";
  function showTurn(number) {
    shown = String(number);
    for (const turn of turns()) {
      turn.classList.toggle("shown", turn.dataset.turn === String(number));
    }
  }

  function clearMarks() {
    document
      .querySelectorAll("#panel .active, #chat .active")
      .forEach((element) => element.classList.remove("active"));
  }

  function showPassage(turn, number, link) {
    showTurn(turn);
    clearMarks();
    const area = document.querySelector(`#panel .turn[data-turn="${turn}"]`);
    const card = area?.querySelector(`.card[data-cites~="${number}"]`);
    if (!card) return;
    card.classList.add("active");
    link.classList.add("active");
    const marks = card.querySelectorAll(`mark[data-cites~="${number}"]`);
    marks.forEach((mark) => mark.classList.add("active"));
    card.focus({ preventScroll: true });
    bringIntoView(card, marks[0]);
  }

  // On a wide screen only the panel scrolls, so that the answer stays where it is.
  function bringIntoView(card, mark) {
    const panel = document.querySelector("#panel");
    if (getComputedStyle(panel).overflowY === "visible") {
      card.scrollIntoView({ block: "start", behavior: behavior() });
      return;
    }
    const fits = card.offsetHeight + 32 < panel.clientHeight;
    const aim = (fits ? card : mark ?? card).getBoundingClientRect();
    const room = fits ? (panel.clientHeight - aim.height) / 3 : 80;
    const top = panel.scrollTop + aim.top - panel.getBoundingClientRect().top - room;
    panel.scrollTo({ top, behavior: behavior() });
  }

  dxqa.copy = async (text, told) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https only localhost has a clipboard; an old command still works.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    told.textContent = dxqa.word("copied");
    setTimeout(() => (told.textContent = ""), 3000);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href*="#cite-"], a[href*="#answer-"]');
    if (link) {
      event.preventDefault();
      const [, kind, turn, number] = /#(cite|answer)-(\d+)(?:-(\d+))?$/.exec(link.getAttribute("href"));
      if (kind === "cite") showPassage(turn, number, link);
      else document.getElementById(`answer-${turn}`)?.scrollIntoView({ block: "start", behavior: behavior() });
    }
    const button = event.target.closest("button.copy-answer");
    if (button) dxqa.copy(button.dataset.copy, button.parentElement.querySelector(".copied"));
  });

  // On a narrow screen the passages stand below: who has read there sees the next answer, too.
  function backToTalk() {
    const talk = document.querySelector("#talk");
    const stacked = getComputedStyle(document.querySelector("#panel")).overflowY === "visible";
    if (stacked && talk.getBoundingClientRect().top < 0) talk.scrollIntoView({ block: "start" });
  }

  // A new question goes to the top of the chat, so that its answer is read from its beginning.
  let asked = 0;
  let until = 0;
  const settle = () => {
    const questions = document.querySelectorAll("#chat .asked");
    if (questions.length > asked) {
      until = performance.now() + 1500;
      backToTalk();
    }
    asked = questions.length;
    const last = questions[asked - 1];
    const area = document.querySelector("#chat .bubble-wrap");
    if (!last || !area || performance.now() > until) return;
    const top = last.getBoundingClientRect().top - area.getBoundingClientRect().top;
    area.scrollTop += top - 16;
  };

  // The newest turn's passages come to the front; a turn asked again keeps its place there.
  let seen = "";
  const newest = () => {
    const all = turns();
    const last = all.at(-1)?.dataset.turn ?? "";
    if (last && Number(last) > Number(seen)) {
      showTurn(last);
      document.querySelector("#panel").scrollTop = 0;
    } else if (last && !document.querySelector("#panel .turn.shown")) {
      showTurn(all.some((turn) => turn.dataset.turn === shown) ? shown : last);
    }
    seen = last;
  };

  new MutationObserver(() => {
    settle();
    newest();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
