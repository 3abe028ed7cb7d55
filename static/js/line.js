// One's place in line: asked as often as it is far, and when it is one's turn the page is drawn anew.
(() => {
  const spot = document.querySelector("[data-poll]"), shown = document.querySelector("[data-place]");
  let place = shown ? Number(shown.textContent) : 40, troubles = 0;

  function later() {
    const seconds = Math.min(30, Math.max(2, place / 40)) * (troubles ? 2 : 1);
    setTimeout(ask, seconds * (0.8 + Math.random() * 0.4) * 1000);
  }

  async function ask() {
    try {
      const answer = await fetch(spot.dataset.poll, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const told = await answer.json();
      troubles = 0;
      if (told.look) return location.reload();
      if (told.place && shown) shown.textContent = place = Math.min(place, told.place);
    } catch {
      troubles += 1;
    }
    later();
  }

  if (spot) later();
})();
