const STORE = "e";
/** Some browsers never answer; the client then goes on without a database. */
const ANSWER_MS = 2000;

type Texts = readonly string[];
export type Update = (change: (texts: Texts) => Texts) => Promise<Texts>;

/** Return a function that changes, in one transaction, the texts that an IndexedDB holds, and returns them. */
export function openDatabase(name: string): Update {
  return (change) =>
    new Promise((resolve, reject) => {
      const opening = indexedDB.open(name);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      opening.onerror = reject;
      opening.onsuccess = () => {
        const transaction = opening.result.transaction(STORE, "readwrite");
        const store = transaction.objectStore(STORE);
        const reading = store.get(0);
        reading.onsuccess = () => {
          const texts = change(reading.result ?? []);
          if (texts !== reading.result) store.put(texts, 0);
          transaction.oncomplete = () => resolve(texts);
        };
        opening.result.close();
      };
      setTimeout(reject, ANSWER_MS);
    });
}
