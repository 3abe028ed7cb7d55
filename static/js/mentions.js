// «@» in a comment offers the members, «{» in a formula its fields: arrows choose, Enter or Tab takes, Esc closes.
(() => {
  const MOST = 8;
  let field = null, list = null, chosen = 0;

  function begun() {
    const before = field.value.slice(0, field.selectionStart);
    if (field.dataset.sign) {
      const at = before.lastIndexOf(field.dataset.sign);
      return at > before.lastIndexOf("}") ? { from: at, typed: before.slice(at + 1).trim().toLocaleLowerCase() } : null;
    }
    const found = /(?:^|[\s(\[{,;:>*_~"'„“«])@([^\s@][^@\n]{0,60}|)$/u.exec(before);
    return found && { from: before.length - found[1].length, typed: found[1].toLocaleLowerCase() };
  }
  function close() {
    list?.remove();
    for (const name of ["aria-expanded", "aria-controls", "aria-activedescendant", "aria-autocomplete", "role"]) field?.removeAttribute(name);
    list = field = null;
  }
  function open(input) {
    if (field !== input) close();
    field = input;
    const mention = begun();
    const all = mention ? JSON.parse(input.dataset.mentions) : [];
    const fits = all.filter((name) => name.toLocaleLowerCase().split(input.dataset.sign ? /[\s{.]+/ : /\s+/).some((_, at, words) => words.slice(at).join(" ").startsWith(mention.typed))).slice(0, MOST);
    if (!fits.length) { close(); return; }
    if (!list) {
      list = document.createElement("ul");
      list.className = "mention-choices";
      list.id = `${input.id}_mentions`;
      list.setAttribute("role", "listbox");
      list.setAttribute("aria-label", input.dataset.offers || "People to mention");
      list.addEventListener("pointerdown", (event) => { event.preventDefault(); take(event.target.closest("li")); });
      input.after(list);
    }
    list.replaceChildren(...fits.map((name, place) => {
      const item = document.createElement("li");
      item.id = `${list.id}_${place}`;
      item.setAttribute("role", "option");
      item.dir = "auto";
      item.textContent = name;
      return item;
    }));
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "true"], ["aria-controls", list.id]]) input.setAttribute(name, value);
    choose(0);
    list.scrollIntoView({ block: "nearest" });
  }
  function choose(place) {
    chosen = (place + list.children.length) % list.children.length;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", at === chosen));
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  }
  function take(item) {
    if (!item) return;
    const input = field, { from } = begun();
    close();
    input.setRangeText(input.dataset.sign ? item.textContent : `${item.textContent} `, from, input.selectionStart, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  document.addEventListener("input", (event) => { if (event.target.matches("[data-mentions]") && !event.isComposing) open(event.target); });
  document.addEventListener("keydown", (event) => {
    if (!list || event.target !== field || event.isComposing || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) choose(chosen + steps[event.key]);
    else if (event.key === "Enter" || event.key === "Tab") take(list.children[chosen]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
  document.addEventListener("focusout", (event) => { if (event.target === field) close(); });
})();
