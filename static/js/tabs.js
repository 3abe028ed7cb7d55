// One tab for each session: the tab that was opened earlier stays, a later one shows a notice instead.
(() => {
  if (!("BroadcastChannel" in window)) return; // then there is nothing to go by

  const KEY = "guildhall-tab";
  const page = String(Math.random()).slice(2); // this very page; a tab has many, one after another
  let tab = null;
  try { tab = JSON.parse(sessionStorage.getItem(KEY)); } catch { /* written by somebody else */ }
  if (!tab?.id || !tab.opened) tab = { id: String(Math.random()).slice(2), opened: Date.now() };
  sessionStorage.setItem(KEY, JSON.stringify(tab));

  function yieldTo() {
    sessionStorage.removeItem(KEY);
    location.replace("/session-elsewhere");
  }

  let channel = null;
  function open() {
    channel = new BroadcastChannel("guildhall-tabs");
    channel.onmessage = ({ data }) => {
      if (data.page === page) return;
      if (data.taken) { if (data.taken === page) yieldTo(); return; }
      // A duplicated tab brings a copy of our id with it; it is the later one all the same.
      const first = data.id === tab.id || tab.opened < data.opened || (tab.opened === data.opened && tab.id < data.id);
      if (first) channel.postMessage({ page, taken: data.page }); else yieldTo();
    };
    // The page before this one, in the same tab, needs a moment to be gone.
    setTimeout(() => channel?.postMessage({ page, id: tab.id, opened: tab.opened }), 100);
  }

  addEventListener("pagehide", () => { channel?.close(); channel = null; });
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
})();
