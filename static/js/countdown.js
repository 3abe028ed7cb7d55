// How long something is held, or until it opens: counts down in words, and draws the page again when it is over.
(() => {
  const began = Date.now();

  // How far the server's clock is ahead of this one, where the page says what it was.
  function ahead(place) {
    return place.dataset.now ? new Date(place.dataset.now) - began : 0;
  }

  function show(place) {
    const left = Math.max(0, Math.round((new Date(place.dataset.until) - Date.now() - ahead(place)) / 1000));
    const minutes = Math.floor(left / 60), two = (number) => String(number).padStart(2, "0");
    const said = minutes < 60 ? `${minutes}:${two(left % 60)} left` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min left`;
    place.textContent = place.classList.contains("needs-script") ? ` (${said})` : said;
    if (!left && "reload" in place.dataset) setTimeout(() => location.reload(), 1000);
    else setTimeout(() => show(place), 1000);
  }
  for (const place of document.querySelectorAll("[data-until]")) {
    if (new Date(place.dataset.until) - Date.now() < 86400000) show(place);
  }
})();
