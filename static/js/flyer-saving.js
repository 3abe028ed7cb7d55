// Keeps a copy of a flyer at the server for its link: tried again while it may still work, and honest when it didn't.
const WAITS = [2, 4, 8, 16], WITHIN = 120, POLLS = [2, 4, 8]; // seconds
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** No, with a sentence; `isFinal` when trying again would be of no use. */
export class NotSaved extends Error {
  constructor(sentence, isFinal = false) {
    super(sentence);
    this.isFinal = isFinal;
  }
}

/** Send the form (a function that makes it) until it is taken, and wait until the picture is there.
 * `tell(count)` is told of each try, and `renew` puts the form in order after the page stood open for hours. Returns what the server says of the flyer; throws NotSaved. */
export async function save(address, form, tell, renew) {
  const until = Date.now() + WITHIN * 1000;
  let taken = null, last = "";
  for (let count = 0; !taken; count += 1) {
    tell(count + 1);
    let wait = WAITS[Math.min(count, WAITS.length - 1)] * (0.8 + Math.random() * 0.4);
    try {
      const answer = await fetch(address, { method: "POST", body: await form(), headers: { Accept: "application/json" } });
      const said = await answer.json().catch(() => ({}));
      if (answer.ok) {
        taken = said;
        break;
      }
      last = said.message ?? "";
      if (said.code === "PREVIEW_OLD" && !count) wait = await renew().then(() => 0);
      else if (answer.status < 500 && answer.status !== 429) throw new NotSaved(last || "The copy was refused.", true);
      wait = Math.max(wait, Number(answer.headers.get("Retry-After") ?? said.retry_after) || 0);
    } catch (error) {
      if (error instanceof NotSaved) throw error;
    }
    if (Date.now() + wait * 1000 > until) throw new NotSaved(last);
    await seconds(wait);
  }
  return made(taken, until);
}

async function made(taken, until) {
  for (let count = 0, flyer = taken; ; count += 1) {
    if (flyer.state === "ready") return { ...taken, ...flyer };
    if (!["pending"].includes(flyer.state)) throw new NotSaved(flyer.message ?? "", true);
    const wait = POLLS[Math.min(count, POLLS.length - 1)];
    if (Date.now() + wait * 1000 > until) return { ...taken, ...flyer };
    await seconds(count ? wait : 0.7);
    flyer = await fetch(taken.state_url, { headers: { Accept: "application/json" }, cache: "no-store" })
      .then((answer) => (answer.ok ? answer.json() : flyer)).catch(() => flyer);
  }
}
