// Files on a row: chosen, dropped or pasted, they are sent at once; how far is shown.
(() => {
  // Those of a field have forms of their own; what is dropped or pasted elsewhere is for the row.
  const form = (at) => at?.closest?.("form[data-files]") ?? document.getElementById("file_form");
  function send(files, at) {
    const input = form(at)?.querySelector("input[type=file]");
    if (!input || !files.length) return false;
    input.files = files;
    form(at).requestSubmit();
    return true;
  }
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && form(event.target);
  document.addEventListener("change", (event) => { if (event.target.matches("[data-files] input[type=file]") && event.target.files.length) event.target.form.requestSubmit(); });
  document.addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); form(event.target).classList.add("over"); } });
  document.addEventListener("dragleave", (event) => { form(event.target)?.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    form(event.target).classList.remove("over");
    send(event.dataTransfer.files, event.target);
  });
  document.addEventListener("paste", (event) => { if (event.clipboardData?.files.length && send(event.clipboardData.files)) event.preventDefault(); });
  document.addEventListener("htmx:xhr:progress", (event) => {
    const bar = event.target.matches?.("[data-files]") && event.target.querySelector("progress");
    if (!bar || !event.detail.lengthComputable) return;
    bar.hidden = false;
    bar.value = event.detail.loaded / event.detail.total;
  });
})();
