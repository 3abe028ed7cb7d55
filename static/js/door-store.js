// What a phone keeps of its door: the last snapshot, and scans that are yet to be sent.
const NAME = "door";

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("meta");
      asked.result.createObjectStore("passes");
      asked.result.createObjectStore("queue", { autoIncrement: true });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

const done = (asked) => new Promise((resolve, reject) => {
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});
const finished = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onerror = transaction.onabort = () => reject(transaction.error);
});

/** The store of one event's door (its public id). */
export async function open(event) {
  const db = await opened();
  const range = IDBKeyRange.bound([event], [event, []]);
  const store = (name, mode = "readonly") => db.transaction(name, mode).objectStore(name);

  return {
    meta: () => done(store("meta").get(event)),

    /** Keep a snapshot: all of it anew, or what changed since the last. */
    async keep(snapshot) {
      const { passes, ...meta } = snapshot, writing = db.transaction(["meta", "passes"], "readwrite");
      if (snapshot.whole) writing.objectStore("passes").delete(range);
      writing.objectStore("meta").put(meta, event);
      for (const [serial, tier, name, state, there, seats] of passes) writing.objectStore("passes").put({ serial, tier, name, state, there, seats }, [event, serial]);
      await finished(writing);
    },

    pass: (serial) => done(store("passes").get([event, serial])),

    async found(words) {
      const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
      if (!parts.length) return [];
      const all = await done(store("passes").getAll(range));
      const fits = all.filter(({ name }) => parts.every((part) => name.toLowerCase().includes(part)));
      return fits.sort((one, other) => one.name.localeCompare(other.name)).slice(0, 20);
    },

    /** A decision of this phone's: the pass as it is now, and the scan to send, both or neither. */
    async decided(pass, scan) {
      const writing = db.transaction(["passes", "queue"], "readwrite");
      if (pass) writing.objectStore("passes").put(pass, [event, pass.serial]);
      if (scan) writing.objectStore("queue").add({ event, scan });
      await finished(writing);
    },

    /** [[key, scan]…] that wait, the oldest first. */
    async waiting(most) {
      const reading = store("queue"), [keys, rows] = await Promise.all([done(reading.getAllKeys()), done(reading.getAll())]);
      return rows.map(({ event: of, scan }, place) => [keys[place], scan, of]).filter(([, , of]) => of === event).slice(0, most);
    },

    async sent(keys) {
      const writing = db.transaction("queue", "readwrite");
      for (const key of keys) writing.objectStore("queue").delete(key);
      await finished(writing);
    },

    /** Forget the event; what is yet to be sent stays until it is. */
    async forget() {
      const writing = db.transaction(["meta", "passes"], "readwrite");
      writing.objectStore("meta").delete(event);
      writing.objectStore("passes").delete(range);
      await finished(writing);
    },
  };
}
