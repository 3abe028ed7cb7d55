// What a code says, and whether one of the event's keys signed it. The same as domain/events/codes.py.
const PREFIX = "GH1:", ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** {event, tier, serial, body, signature}, or null where the text is no code. */
export function read(text) {
  const said = text.replace(/\s+/g, "").toUpperCase();
  if (!said.startsWith(PREFIX)) return null;
  const raw = bytes(said.slice(PREFIX.length));
  if (raw === null || raw.length !== 79 || raw[0] !== 1) return null;
  const view = new DataView(raw.buffer);
  const serial = [...raw.slice(7, 15)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { event: view.getUint32(1), tier: view.getUint16(5), serial, body: raw.slice(0, 15), signature: raw.slice(15) };
}

function bytes(text) {
  const out = [];
  let held = 0, bits = 0;
  for (const sign of text) {
    const value = ALPHABET.indexOf(sign);
    if (value < 0) return null;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return held ? null : new Uint8Array(out);
}

const raw = (key) => Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));

/** Whether one of the keys (base64url) signed what `read` found. `fallback` is where noble's Ed25519 lies. */
export async function isSigned({ body, signature }, keys, fallback) {
  for (const key of keys) if (await verify(signature, body, raw(key), fallback)) return true;
  return false;
}

async function verify(signature, body, key, fallback) {
  try {
    const known = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", known, signature, body);
  } catch { // browsers before 2025, and pages without TLS
    const noble = await import(fallback);
    return noble.verifyAsync(signature, body, key).catch(() => false);
  }
}
