// How long something is held: counts down in words, and draws the page again when it is over.
(() => {
  function show(place) {
    const left = Math.max(0, Math.round((new Date(place.dataset.until) - Date.now()) / 1000));
    const said = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} left`;
    place.textContent = place.classList.contains("needs-script") ? ` (${said})` : said;
    if (!left && "reload" in place.dataset) setTimeout(() => location.reload(), 1000);
    else setTimeout(() => show(place), 1000);
  }
  for (const place of document.querySelectorAll("[data-until]")) {
    if (new Date(place.dataset.until) - Date.now() < 86400000) show(place);
  }
})();
