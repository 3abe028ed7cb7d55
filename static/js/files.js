// Files on a row: chosen, dropped or pasted, they are sent at once; how far is shown.
(() => {
  const form = () => document.querySelector("form[data-files]");
  function send(files) {
    const input = form()?.querySelector("input[type=file]");
    if (!input || !files.length) return false;
    input.files = files;
    form().requestSubmit();
    return true;
  }
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && form();
  document.addEventListener("change", (event) => { if (event.target.matches("[data-files] input[type=file]") && event.target.files.length) form().requestSubmit(); });
  document.addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); form().classList.add("over"); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form()?.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    form().classList.remove("over");
    send(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => { if (event.clipboardData?.files.length && send(event.clipboardData.files)) event.preventDefault(); });
  document.addEventListener("htmx:xhr:progress", (event) => {
    const bar = event.target.matches?.("[data-files]") && event.target.querySelector("progress");
    if (!bar || !event.detail.lengthComputable) return;
    bar.hidden = false;
    bar.value = event.detail.loaded / event.detail.total;
  });
})();
