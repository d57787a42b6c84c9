// The interface in the browser's language: Japanese, or English where the browser prefers it.
(() => {
  const language = navigator.language?.startsWith("ja") ? 0 : 1;
  document.documentElement.lang = ["ja", "en"][language];
  dxqa.word = (key) => dxqa.words[key][language];

  const keyOf = (element) => [...element.classList].find((name) => name.startsWith("say-"))?.slice(4);
  const translate = () => {
    for (const element of document.querySelectorAll(".say")) {
      const word = dxqa.word(keyOf(element));
      if (element.textContent !== word) element.textContent = word;
    }
  };

  // Gradio labels each message with its own markup.
  const label = () => {
    for (const [selector, key] of [
      ['#chat [data-testid="user"]', "question"],
      ['#chat [data-testid="bot"]', "answer"],
      ['#chat [role="log"]', "chat-label"],
      ["#chat .scroll-down-button-container button", "to-end"],
      ["#history-search", "history-search"],
    ]) {
      for (const element of document.querySelectorAll(selector)) {
        if (element.getAttribute("aria-label") !== dxqa.word(key)) {
          element.setAttribute("aria-label", dxqa.word(key));
          if (element.type === "search") element.placeholder = dxqa.word(key);
        }
      }
    }
  };

  new MutationObserver(() => {
    if (language) translate();
    label();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
