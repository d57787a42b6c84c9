// The interface in the browser's language: Japanese, or English where the browser prefers it.
(() => {
  const language = navigator.language?.startsWith("ja") ? 0 : 1;
  document.documentElement.lang = ["ja", "en"][language];
  dxqa.word = (key) => dxqa.words[key][language];

  // What cannot be seen, as its number: visible.py does the same for what the server shows.
  const number = (character) => character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  dxqa.visible = (text) => text.replace(dxqa.unseen, (character) => `⟨U+${number(character)}⟩`);

  const keyOf = (element) => [...element.classList].find((name) => name.startsWith("say-"))?.slice(4);

  // What has no key is known by its Japanese text (english.tsv); {0} there is whatever stands in its
  // place, itself in English where that is known, {0:n} a number. The form with the most letters goes
  // first.
  const fixed = new Map(Object.entries(dxqa.english));
  const letters = (japanese) => japanese.replace(/\{\d(:n)?\}/g, "").length;
  const escaped = (text) => text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const forms = Object.entries(dxqa.english)
    .filter(([japanese]) => japanese.includes("{"))
    .sort(([one], [other]) => letters(other) - letters(one))
    .map(([japanese, english]) => {
      const pattern = escaped(japanese)
        .replace(/\{\d:n\}/g, "([\\d,.]+)")
        .replace(/\{\d\}/g, "([\\s\\S]*?)");
      return { pattern: new RegExp(`^${pattern}$`), english };
    });

  function told(text) {
    if (fixed.has(text)) return fixed.get(text);
    for (const { pattern, english } of forms) {
      const found = pattern.exec(text);
      if (found) return english.replace(/\{(\d)\}/g, (_, place) => part(found[Number(place) + 1]));
    }
    const several = text.split("・").map((one) => fixed.get(one));
    return several.every(Boolean) ? several.join(", ") : null;
  }
  const part = (text) => told(text) ?? text;

  const JAPANESE = /[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]/;
  dxqa.inLanguage = (text) => {
    if (!language || !JAPANESE.test(text)) return text;
    const [, before, middle, after] = /^([ \t\n]*)([\s\S]*?)([ \t\n]*)$/.exec(text);
    return before + part(middle) + after;
  };

  const ATTRIBUTES = ["title", "aria-label", "placeholder"];
  const LEFT = '[lang="ja"], script, style, textarea';

  function translateText(node) {
    const around = node.parentElement;
    const keyed = around?.closest(".say");
    if (!around || (!keyed && around.closest(LEFT))) return;
    const text = keyed ? dxqa.word(keyOf(keyed)) : dxqa.inLanguage(node.data);
    if (text !== node.data) node.data = text;
  }

  function translateAttributes(element) {
    for (const name of ATTRIBUTES) {
      const text = element.getAttribute(name);
      const english = text && dxqa.inLanguage(text);
      if (text !== english) element.setAttribute(name, english);
    }
  }

  function translate(node) {
    if (node.nodeType === Node.TEXT_NODE) translateText(node);
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let one = node; one; one = walker.nextNode()) {
      if (one.nodeType === Node.TEXT_NODE) translateText(one);
      else translateAttributes(one);
    }
  }

  // Gradio labels each message with its own markup, and marks no example as Japanese.
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
    for (const example of document.querySelectorAll("#chat .example:not([lang])")) example.lang = "ja";
    const title = dxqa.word("title");
    if (document.title && document.title !== title) document.title = title;
  };

  new MutationObserver((changes) => {
    if (language) {
      for (const change of changes) {
        if (change.type === "childList") change.addedNodes.forEach(translate);
        else if (change.type === "attributes") translateAttributes(change.target);
        else translateText(change.target);
      }
    }
    label();
  }).observe(document.documentElement, {
    childList: true,
    subtree: true,
    characterData: Boolean(language),
    ...(language ? { attributes: true, attributeFilter: ATTRIBUTES } : {}),
  });
})();
