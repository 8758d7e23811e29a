/** A synchronous storage that never throws on writing: what does not fit stays in memory. */
export function createStore(storage: Storage | undefined, prefix: string) {
  const memory = new Map<string, string>();
  const remove_ = (key: string) => {
    memory.delete(key);
    storage?.removeItem(prefix + key);
  };

  return {
    read_: (key: string): string | null | undefined => memory.get(key) ?? storage?.getItem(prefix + key),
    remove_,
    /** Return whether it is in the storage. */
    write_(key: string, text: string, fits = true): boolean | void {
      remove_(key);
      try {
        if (fits) {
          storage!.setItem(prefix + key, text);
          return fits;
        }
      } catch {
        // Full, or forbidden.
      }
      memory.set(key, text);
    },
    /** Return all keys, in order. */
    keys_(): string[] {
      const keys = [...memory.keys()];
      for (let i = storage?.length ?? 0; i--; ) {
        const key = storage!.key(i)!;
        if (key.startsWith(prefix)) keys.push(key.slice(prefix.length));
      }
      return keys.sort();
    },
  };
}

export type Store = ReturnType<typeof createStore>;
