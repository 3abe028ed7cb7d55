// The page that stands where another should, while the network is gone: it asks again by itself.
(() => {
  // What was being sent didn't arrive: its draft stays, and stands in the form again.
  try { sessionStorage.removeItem("sent"); } catch { /* private mode */ }
  const again = () => location.reload();
  async function ask() {
    try { if ((await fetch("/health", { method: "HEAD", cache: "no-store" })).ok) again(); } catch { /* not yet */ }
  }
  document.querySelector("[data-again]").addEventListener("click", again);
  addEventListener("online", ask);
  setInterval(ask, 10000);
})();
