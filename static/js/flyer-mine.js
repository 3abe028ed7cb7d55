// The secret of a flyer stands after the # of its link, where no server sees it; it is sent only with a form.
(() => {
  const form = document.querySelector("[data-mine]"), asked = document.querySelector("[data-secret]");

  function take() {
    const secret = location.hash.slice(1);
    if (!form || !asked || !/^[0-9a-f]{32}$/.test(secret)) return;
    asked.hidden = true;
    asked.querySelector("input").value = secret;
    form.action = `${location.pathname}#${secret}`; // the answer has it, too
    for (const link of document.querySelectorAll("a[href$='/mine']")) link.hash = secret;
  }

  addEventListener("hashchange", take);
  take();
})();
