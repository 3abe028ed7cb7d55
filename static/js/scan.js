// A camera beside a box of search: what it reads stands in the box and is looked for; the address of a row is opened.
(() => {
  const FORMATS = ["qr_code", "code_128", "code_39", "ean_13", "ean_8", "upc_a", "itf", "data_matrix"];
  document.documentElement.classList.add("scripted");

  /** A dialog with what the camera sees; `heard` for the first text that it reads. */
  async function open(button, heard) {
    const dialog = document.createElement("dialog"), video = document.createElement("video");
    const says = document.createElement("p"), close = document.createElement("button");
    dialog.className = "dialog scan-dialog";
    dialog.setAttribute("aria-label", "Scan a code");
    Object.assign(video, { muted: true, playsInline: true });
    says.setAttribute("role", "status");
    Object.assign(close, { type: "button", className: "btn", textContent: "Close" });
    dialog.append(video, says, close);
    document.body.append(dialog);
    let seeing = null, isOver = false;
    const end = () => { isOver = true; seeing?.end(); dialog.remove(); button.focus(); };
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", end, { once: true });
    dialog.showModal();
    const { look } = await import(button.dataset.look);
    seeing = await look(video, {
      scanner: "/door/scanner.js", zxing: button.dataset.zxing, wasm: button.dataset.wasm, formats: FORMATS,
      heard: (text) => { if (!isOver) { dialog.close(); heard(text); } },
      says: (words) => { says.textContent = words; },
    });
    video.hidden = !seeing;
    if (isOver) seeing?.end();
  }

  document.addEventListener("click", (clicked) => {
    const button = clicked.target.closest("[data-look]");
    if (!button) return;
    open(button, (text) => {
      const form = document.getElementById(button.dataset.form), rows = location.origin + button.dataset.rows;
      if (button.dataset.rows && text.startsWith(rows) && /^[\w-]+\/\d+$/.test(text.slice(rows.length))) return location.assign(text);
      const box = form.querySelector("input[name=q], input[name=code]");
      box.value = text.trim().slice(0, 200);
      form.requestSubmit();
    });
  });
})();
