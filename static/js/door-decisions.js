// What a phone decides alone, by the table that the server reads too (door-rules.json, domain/events/checkpoints.py).
const DAY_BEGINS = 5 * 3600e3;

export function decide(rules, facts) {
  return rules.find(([said]) => Object.entries(said).every(([key, value]) => facts[key] === value))[1];
}

/** The day by which a gate counts, in the event's zone; empty where it doesn't count by days. */
export function dayOf(gate, zone, moment) {
  if (gate.rule !== "daily") return "";
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  return parts.format(new Date(moment - DAY_BEGINS));
}

/** What `decide` asks of a pass ({tier, state, there: [[gate, day, inside, entries, at]…]}, or null for none known). */
export function factsOf({ event, gate, pass, tier, kind, moment }) {
  const day = dayOf(gate, event.zone, moment);
  const there = pass?.there.find(([at, on]) => at === gate.id && on === day);
  return {
    state: pass ? pass.state : "unknown",
    gate: gate.closed ? "closed" : "open",
    window: moment < Date.parse(gate.from) ? "early" : moment >= Date.parse(gate.until) ? "late" : "open",
    fits: (gate.tier === null || gate.tier === (pass ? pass.tier : tier)) && (!gate.seated || Boolean(pass?.seats?.includes(gate.seated))),
    kind,
    rule: gate.rule,
    inside: Boolean(there?.[2]),
    entered: Boolean(there?.[3]),
  };
}

/** The pass as it is once this result stands. */
export function moved(pass, gate, day, result, at) {
  const there = pass.there.filter(([g, d]) => g !== gate || d !== day);
  const [, , inside, entries, when] = pass.there.find(([g, d]) => g === gate && d === day) ?? [gate, day, 0, 0, at];
  if (result === "out") there.push([gate, day, 0, entries, at]);
  else if (result === "undone") { if (entries > 1) there.push([gate, day, 0, entries - 1, when]); }
  else there.push([gate, day, 1, entries + 1, entries && inside ? when : at]);
  return { ...pass, there };
}
