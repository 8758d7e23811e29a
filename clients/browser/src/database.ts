const STORE = "rows";
/** Some browsers never answer; the client then goes on without a database. */
const OPEN_MS = 2000;

export type Database = <T>(use: (store: IDBObjectStore) => IDBRequest<T>) => Promise<T>;

/** Return a function that makes one request to the only store of an IndexedDB. */
export function createDatabase(name: string): Database {
  let opened: Promise<IDBDatabase> | undefined;

  return async (use) => {
    const database = await (opened ??= open(name));
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, "readwrite");
      const request = use(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = reject;
      transaction.commit();
    });
  };
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
    setTimeout(reject, OPEN_MS);
  });
}
