// 資料: files that are too large are told of before they are sent.
(() => {
  const told = (file, most) => {
    const size = (file.size / 2 ** 20).toFixed(1);
    return `${dxqa.visible(file.name)}: 大きすぎます (${size} MB)。1 つ ${most / 2 ** 20} MB までです。分けて追加してください。`;
  };

  function show(lines) {
    const box = document.querySelector("#too-large");
    box.replaceChildren(
      ...lines.map((line) => {
        const shown = document.createElement("p");
        shown.textContent = line;
        return shown;
      }),
    );
    box.hidden = !lines.length;
  }

  // Before Gradio's own listener: it would refuse all files for one that is too large.
  document.addEventListener(
    "change",
    (event) => {
      if (!event.target.matches?.('#changes input[type="file"]')) return;
      const most = Number(document.querySelector("#too-large").dataset.most);
      const files = [...event.target.files];
      const large = files.filter((file) => file.size > most);
      show(large.map((file) => told(file, most)));
      if (!large.length) return;
      const rest = new DataTransfer();
      for (const file of files) if (file.size <= most) rest.items.add(file);
      event.target.files = rest.files;
      if (!rest.files.length) event.stopImmediatePropagation();
    },
    true,
  );
})();
