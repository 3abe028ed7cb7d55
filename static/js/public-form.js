// A public form: keeps what is typed while the tab is open, hides what isn't asked, and works a little while somebody
// writes, which shows that no machine sends thousands. Without any of this the form is sent as well.
(() => {
  const form = document.querySelector("form[data-answer]");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  for (const place of document.querySelectorAll("input[name=zone]")) {
    if (place.value || !zone) continue; // moments that stand there are on the clock that the page was drawn for
    place.value = zone;
    for (const name of place.form.querySelectorAll("[data-zone]")) name.textContent = zone;
  }

  function kept(key, text) {
    try {
      if (text === undefined) return sessionStorage.getItem(key);
      if (text === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
    } catch { /* a frame may have no storage */ }
    return null;
  }

  const sent = document.querySelector("[data-sent]");
  if (sent) kept(`answer:${sent.dataset.sent}`, null);
  const refused = document.querySelector(".note.bad");
  if (refused) refused.focus();
  if (!form) return;
  document.documentElement.classList.add("scripted");

  // --- what is typed stays, also where the network is lost
  const key = `answer:${form.dataset.answer}`;
  const named = () => [...form.elements].filter((one) => one.name && !["hidden", "file"].includes(one.type) && !one.closest(".trap"));

  function keep() {
    const found = {};
    for (const one of named()) {
      if (!["radio", "checkbox"].includes(one.type) || one.checked) (found[one.name] ||= []).push(one.value);
    }
    kept(key, JSON.stringify(found));
  }

  const before = "again" in form.dataset ? null : kept(key);
  if (before) {
    const found = JSON.parse(before);
    for (const one of named()) {
      if (!(one.name in found)) continue;
      if (["radio", "checkbox"].includes(one.type)) one.checked = found[one.name].includes(one.value);
      else one.value = found[one.name][0];
    }
  }

  // --- what isn't asked
  function chosen(name) {
    const place = form.elements[name];
    const all = place instanceof RadioNodeList ? [...place] : place ? [place] : [];
    const on = all.filter((one) => one.type !== "fieldset" && (!["radio", "checkbox"].includes(one.type) || one.checked));
    return on.map((one) => one.value.trim()).filter(Boolean);
  }
  const meets = {
    empty: (found) => !found.length,
    not_empty: (found) => found.length,
    any_of: (found, wanted) => found.some((one) => wanted.includes(one)),
    none_of: (found, wanted) => !found.some((one) => wanted.includes(one)),
  };
  Object.assign(meets, { has_any: meets.any_of, is: meets.any_of, has_none: meets.none_of, is_not: meets.none_of });

  function show() {
    for (const place of form.querySelectorAll("[data-if]")) {
      const other = form.elements[place.dataset.if];
      const first = other instanceof RadioNodeList ? other[0] : other;
      const asked = first && !first.closest(".question").hidden;
      place.hidden = !(asked && meets[place.dataset.op](chosen(place.dataset.if), JSON.parse(place.dataset.values)));
    }
  }
  form.addEventListener("input", () => { keep(); show(); work(); });
  form.addEventListener("focusin", () => work());
  show();

  // --- the work: a number with which the hash of the stamp begins with so many zero bits
  let working = null;
  const proof = form.elements.proof;
  const rest = () => new Promise((done) => setTimeout(done));

  async function find() {
    const stamp = form.elements.stamp.value, bits = Number(form.dataset.bits), encoder = new TextEncoder();
    for (let number = 0; ; number += 1) {
      const hash = new DataView(await crypto.subtle.digest("SHA-256", encoder.encode(`${stamp}:${number}`)));
      if (hash.getUint32(0) >>> (32 - bits) === 0) return String(number);
      if (number % 500 === 499) await rest();
    }
  }

  function work() {
    working ||= !crypto.subtle || proof.value ? Promise.resolve() : find().then((found) => { proof.value = found; });
    return working;
  }

  let going = false;
  form.addEventListener("submit", (event) => {
    if (going) return;
    event.preventDefault();
    going = true;
    form.querySelector("[data-working]").hidden = Boolean(proof.value);
    work().finally(() => form.submit());
  });
  addEventListener("pageshow", (event) => { if (event.persisted) going = false; });
})();
